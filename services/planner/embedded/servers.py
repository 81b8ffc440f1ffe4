"""Which servers a stack needs: those that the settings do not name are embedded ones."""

from dataclasses import dataclass
from pathlib import Path

from planner.embedded.kafka import kafka_program
from planner.embedded.ports import PortOffset, Ports
from planner.embedded.postgres import postgres_program
from planner.embedded.program import Program
from planner.embedded.valkey import valkey_program


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Of the three servers. They hold a password, so they are not logged."""

    kafka: str
    redis: str
    postgres: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Addresses of servers that the user has; None = start one."""

    kafka: str | None
    redis: str | None
    postgres: str | None


def server_ports(given: Given) -> dict[int, str]:
    """The ports that the embedded ones need, by their place after the base, and what for."""
    wanted: dict[int, str] = {}
    if given.kafka is None:
        wanted |= {PortOffset.KAFKA: "Kafka", PortOffset.CONTROLLER: "Kafka's controller"}
    if given.redis is None:
        wanted[PortOffset.VALKEY] = "Valkey"
    if given.postgres is None:
        wanted[PortOffset.POSTGRES] = "PostgreSQL"
    return wanted


async def server_programs(data: Path, given: Given, ports: Ports) -> list[Program]:
    """The embedded ones, their folders made."""
    programs = []
    if given.kafka is None:
        programs.append(await kafka_program(data, ports[PortOffset.KAFKA], ports[PortOffset.CONTROLLER]))
    if given.redis is None:
        programs.append(valkey_program(data, ports[PortOffset.VALKEY]))
    if given.postgres is None:
        programs.append(await postgres_program(data, ports[PortOffset.POSTGRES]))
    return programs


def addresses(given: Given, programs: list[Program]) -> Addresses:
    embedded = {program.service: program.address for program in programs}
    return Addresses(
        kafka=given.kafka or embedded["kafka"],
        redis=given.redis or embedded["valkey"],
        postgres=given.postgres or embedded["postgres"],
    )
