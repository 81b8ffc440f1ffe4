"""One Kafka, one Valkey and one owner on this machine, in a folder that is thrown away: what a benchmark measures."""

import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from planner.embedded.kafka import kafka_program
from planner.embedded.ports import LOOPBACK, reserved
from planner.embedded.process import Command, start, stop
from planner.embedded.program import Program, until_ready
from planner.embedded.services import is_ready
from planner.embedded.valkey import valkey_program
from planner.runtime.clock import secret
from planner.runtime.kafka import KafkaConnection
from planner.runtime.settings import environment
from planner.runtime.topic_admin import apply_topics

NAMESPACE: Final = "bench"
ACTION: Final = "bench.burst"
OWNER: Final = "owner"
SECRET_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class BenchStack:
    """`pids`: of each process whose cost is measured, by its name."""

    connection: KafkaConnection
    partitions: int
    pids: Mapping[str, int]


@asynccontextmanager
async def bench_stack(folder: Path, *, partitions: int) -> AsyncIterator[BenchStack]:
    """Started in order, stopped the other way round."""
    async with AsyncExitStack() as running:
        ports = [running.enter_context(reserved(0, purpose=purpose)) for purpose in ("Kafka", "Kafka's controller", "Valkey", "the owner")]
        kafka = await kafka_program(folder, ports[0], ports[1])
        valkey = valkey_program(folder, ports[2])
        pids = {program.service: await running.enter_async_context(_started(program)) for program in (kafka, valkey)}
        connection = KafkaConnection(kafka.address)
        await apply_topics(connection, namespace=NAMESPACE, partitions=partitions, actions=[ACTION], replication=1)
        owner = _owner(folder, ports[3], {"KAFKA": kafka.address, "REDIS": valkey.address, "PARTITIONS": str(partitions)})
        pids[OWNER] = await running.enter_async_context(_started(owner))
        yield BenchStack(connection, partitions, pids)


def _owner(folder: Path, health_port: int, settings: Mapping[str, str]) -> Program:
    # Settings of this machine's own stack must not reach the one that is measured.
    inherited = {name: value for name, value in environment().items() if not name.startswith("PLANNER_")}
    given = {**settings} | {
        "NAMESPACE": NAMESPACE,
        "HEALTH_HOST": LOOPBACK,
        "HEALTH_PORT": str(health_port),
        "REPORT_KEYS": f"bench:{secret(SECRET_BYTES).hex()}",
        "LOG_LEVEL": "warning",
    }
    command = Command(
        name=OWNER,
        arguments=(sys.executable, "-P", "-m", "planner.owner"),
        log=folder / "logs" / "owner.log",
        environment=inherited | {f"PLANNER_{name}": value for name, value in given.items()},
    )
    return Program(service=OWNER, command=command, address="", answers=lambda: is_ready(health_port))


@asynccontextmanager
async def _started(program: Program) -> AsyncIterator[int]:
    process = await start(program.command)
    try:
        await until_ready(program, ended=lambda: process.returncode)
        yield process.pid
    finally:
        await stop(process, program.command)
