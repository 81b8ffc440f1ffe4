"""Which servers a stack needs: those that the settings do not name are embedded ones."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from planner.embedded.kafka import kafka_program
from planner.embedded.ports import reserved
from planner.embedded.postgres import postgres_program
from planner.embedded.program import Program
from planner.embedded.valkey import valkey_program

GATEWAY_OFFSET: Final = 0
KAFKA_OFFSET: Final = 1
CONTROLLER_OFFSET: Final = 2
VALKEY_OFFSET: Final = 3
POSTGRES_OFFSET: Final = 4
HEALTH_OFFSET: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Of the three servers. Repr hides none of it: it holds a password, so it is not logged."""

    kafka: str
    redis: str
    postgres: str


class Ports:
    """Ports of one stack, taken until its end: a program that starts again finds its own free."""

    def __init__(self, base: int, held: ExitStack) -> None:
        self._base = base
        self._held = held

    def take(self, offset: int, *, purpose: str) -> int:
        return self._held.enter_context(reserved(self._base + offset if self._base else 0, purpose=purpose))


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Addresses of servers that the user has; None = start one."""

    kafka: str | None
    redis: str | None
    postgres: str | None


async def server_programs(data: Path, given: Given, ports: Ports) -> list[Program]:
    """The embedded ones, their folders made."""
    programs = []
    if given.kafka is None:
        port = ports.take(KAFKA_OFFSET, purpose="Kafka")
        programs.append(await kafka_program(data, port, ports.take(CONTROLLER_OFFSET, purpose="Kafka's controller")))
    if given.redis is None:
        programs.append(valkey_program(data, ports.take(VALKEY_OFFSET, purpose="Valkey")))
    if given.postgres is None:
        programs.append(await postgres_program(data, ports.take(POSTGRES_OFFSET, purpose="PostgreSQL")))
    return programs


def addresses(given: Given, programs: list[Program]) -> Addresses:
    embedded = {program.service: program.address for program in programs}
    return Addresses(
        kafka=given.kafka or embedded["kafka"],
        redis=given.redis or embedded["valkey"],
        postgres=given.postgres or embedded["postgres"],
    )
