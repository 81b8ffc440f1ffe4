import socket

import pytest

from planner.embedded.ports import LOOPBACK, all_reserved, listens, reserved
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


def test_ports_follow_from_the_base() -> None:
    with reserved(0, purpose="a base that is free") as base:
        pass
    with all_reserved({0: "the gateway"}, base=base) as ports:
        assert ports == {0: base}


def test_without_a_base_every_place_gets_a_free_port() -> None:
    with all_reserved({0: "the gateway", 3: "Valkey", 10: "health"}, base=0) as ports:
        assert set(ports) == {0, 3, 10}
        assert len(set(ports.values())) == 3


def test_one_taken_port_refuses_all_and_frees_the_others() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        taken = server.getsockname()[1]
        with pytest.raises(StartupRefusedError, match=f"port {taken} for Valkey"), all_reserved({0: "Kafka", 1: "Valkey"}, base=taken - 1):
            pass
    with all_reserved({0: "Kafka", 1: "Valkey"}, base=taken - 1) as ports:
        assert ports == {0: taken - 1, 1: taken}
