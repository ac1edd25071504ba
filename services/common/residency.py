"""Where data may go: the hosts of one region, which every setting is held to at the start.

Names are believed: whether a name leads to a machine in the region is for its DNS to keep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from urllib.parse import parse_qs, urlsplit

from pydantic import BaseModel, SecretStr

_NAMES_HOSTS = ("_url", "_urls", "_endpoint", "_address", "ice_servers")
"""How the names of settings end that name hosts."""
_ICE = ("stun:", "stuns:", "turn:", "turns:")


class Residency(BaseModel, extra="forbid", frozen=True):
    """What belongs to a region."""

    hosts: tuple[str, ...] = ()
    """Names, or their ends where they begin with a dot: `.cn-north-1.example.cn`."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Addresses: `10.0.0.0/8`."""
    s3_regions: tuple[str, ...] = ()
    """Regions of S3."""

    def holds(self, host: str) -> bool:
        """Whether the host belongs to the region; this machine always does."""
        host = host.lower().rstrip(".")
        if host == "localhost":
            return True
        try:
            address = ip_address(host)
        except ValueError:
            return any(
                host.endswith(name.lower()) if name.startswith(".") else host == name.lower()
                for name in self.hosts
            )
        inside = any(
            address.version == network.version and address in network for network in self.networks
        )
        return address.is_loopback or inside

    def outside(self, settings: Mapping[str, object]) -> Iterator[tuple[str, str]]:
        """The settings that lead out of the region, and where to."""
        for name, value in settings.items():
            if name.endswith("s3_region") and value not in self.s3_regions:
                yield name, str(value)
            if name.endswith(_NAMES_HOSTS):
                yield from ((name, host) for host in hosts_of(value) if not self.holds(host))


def hosts_of(value: object) -> Iterator[str]:
    """The hosts in a setting: a URL, `host:port`, or several of them."""
    match value:
        case str():
            for part in value.split(","):
                yield from _hosts(part.strip())
        case SecretStr():
            yield from hosts_of(value.get_secret_value())
        case tuple() | list():
            for each in value:
                yield from hosts_of(each)
        case BaseModel():
            yield from hosts_of(getattr(value, "urls", ()))
        case _:
            return


def _hosts(text: str) -> Iterator[str]:
    if text.startswith(_ICE):
        text = text.partition(":")[2]
    parts = urlsplit(text if "://" in text else f"//{text}")
    told = (parts.hostname, *parse_qs(parts.query).get("host", ()))
    yield from (host for host in told if host)
