"""What a gateway is known as to others."""

from __future__ import annotations

import socket

import pytest

from services.gateway.app import reachable


@pytest.mark.parametrize("everywhere", ["0.0.0.0:80", "[::]:80", ":80"])
def test_all_addresses_stand_for_the_name_of_the_host(everywhere: str) -> None:
    assert reachable(everywhere) == f"{socket.gethostname()}:80"


@pytest.mark.parametrize("address", ["127.0.0.1:80", "[fd00::7]:80", "gateway-1:80"])
def test_an_address_of_its_own_is_kept(address: str) -> None:
    assert reachable(address) == address
