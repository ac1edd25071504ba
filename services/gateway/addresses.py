"""Where callers may send this service on the network: to public addresses, unless allowed others.

What was checked is what is connected to, so that a name can't change its mind in between.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket


class PrivateAddress(Exception):
    """The host lies where nothing must be sent that strangers ask for."""


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not ip.is_multicast


def is_surely_private(host: str) -> bool:
    """Whether a host is a private address outright: it is refused without resolving it."""
    try:
        return not is_public(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


async def resolve(host: str, port: int, *, allow_private: bool) -> str:
    """The IP address to connect to. Raises PrivateAddress, OSError, UnicodeError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(info[4][0]) for info in found]
    if not allow_private and not all(map(is_public, addresses)):
        raise PrivateAddress(host)
    return addresses[0]
