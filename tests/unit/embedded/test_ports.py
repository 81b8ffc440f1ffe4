import socket

import pytest

from planner.embedded.ports import LOOPBACK, listens, reserved
from planner.runtime.failures import StartupRefusedError


def test_a_taken_port_is_refused_and_named() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(StartupRefusedError, match=f"port {port} for Valkey is in use"), reserved(port, purpose="Valkey"):
            pass


def test_a_server_can_listen_on_its_reserved_port() -> None:
    with reserved(0, purpose="Valkey") as port, socket.create_server((LOOPBACK, port)) as server:
        assert server.getsockname()[1] == port


def test_two_reservations_never_share_a_port() -> None:
    with reserved(0, purpose="one") as one, reserved(0, purpose="other") as other:
        assert one != other


async def test_only_an_open_port_listens() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        assert await listens(f"{LOOPBACK}:{port}")
    assert not await listens(f"{LOOPBACK}:{port}")
