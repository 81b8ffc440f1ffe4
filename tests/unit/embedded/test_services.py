import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import pytest

from planner.embedded.ports import PortOffset
from planner.embedded.servers import Given, addresses, server_ports
from planner.embedded.services import Service, service_ports, service_program, stack_services

NOTHING_GIVEN = Given(kafka=None, redis=None, postgres=None)


def names(tiers: Iterable[Iterable[Service]]) -> list[list[str]]:
    return [[service.name for service in tier] for tier in tiers]


def test_whoever_is_talked_to_starts_before_and_stops_after() -> None:
    assert names(stack_services(owners=2, sample_worker=True)) == [["recorder"], ["owner-1", "owner-2"], ["gateway", "worker"]]


@pytest.mark.parametrize("owners", [1, 16])
def test_health_ports_follow_each_other_from_their_place(owners: int) -> None:
    wanted = service_ports(chain.from_iterable(stack_services(owners=owners, sample_worker=False)))
    assert sorted(set(wanted) - {PortOffset.GATEWAY}) == list(range(PortOffset.HEALTH, PortOffset.HEALTH + owners + 2))
    assert wanted[PortOffset.HEALTH] == "gateway's health"


def test_a_given_server_needs_no_port() -> None:
    given = Given(kafka="broker:9092", redis=None, postgres="postgresql://there")
    assert set(server_ports(given)) == {PortOffset.VALKEY}
    assert set(server_ports(NOTHING_GIVEN)) == {PortOffset.KAFKA, PortOffset.CONTROLLER, PortOffset.VALKEY, PortOffset.POSTGRES}


def test_given_addresses_go_to_the_services_as_they_are() -> None:
    found = addresses(Given(kafka="broker:9092", redis="redis://there/1", postgres="postgresql://there"), [])
    assert (found.kafka, found.redis, found.postgres) == ("broker:9092", "redis://there/1", "postgresql://there")


def test_a_service_is_told_its_own_ports_beside_the_stack_settings(tmp_path: Path) -> None:
    service = Service(service="gateway", name="gateway", health_place=PortOffset.HEALTH, serves_http=True)
    ports: dict[int, int] = {PortOffset.GATEWAY: 4000, PortOffset.HEALTH: 4010}
    program = service_program(service, data=tmp_path, settings={"PLANNER_KAFKA": "broker:9092", "PLANNER_HEALTH_PORT": "1"}, ports=ports)
    told = program.command.environment
    assert told["PLANNER_KAFKA"] == "broker:9092"
    assert (told["PLANNER_HEALTH_PORT"], told["PLANNER_GATEWAY_PORT"]) == ("4010", "4000")
    assert (program.address, program.health) == ("http://127.0.0.1:4000", "http://127.0.0.1:4010")
    assert program.command.arguments == (sys.executable, "-P", "-m", "planner.gateway")


def test_a_worker_finds_its_target_in_the_current_folder(tmp_path: Path) -> None:
    program = service_program(Service(service="worker", name="worker", target="mine:worker"), data=tmp_path, settings={}, ports={})
    assert program.command.arguments == (sys.executable, "-m", "planner.worker", "mine:worker")
    assert program.health is None
