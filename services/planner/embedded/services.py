"""Planner's own processes in a stack: each started as `python -m planner.<service>` with its settings in the environment."""

import asyncio
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from planner.embedded.ports import LOOPBACK
from planner.embedded.process import Command
from planner.embedded.program import Program
from planner.embedded.servers import GATEWAY_OFFSET, HEALTH_OFFSET, Ports

_ANSWER_WITHIN_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`name` tells two of one service apart. A worker opens no health port: it carries no web server."""

    service: str
    name: str
    target: str | None = None
    serves_http: bool = False
    has_health: bool = True


def stack_services(*, owners: int, sample_worker: bool) -> list[list[Service]]:
    """In the order of starting; stopped the other way round, so that each finds those that it talks to until its own end."""
    workers = [Service(service="worker", name="worker", has_health=False)] if sample_worker else []
    return [
        [Service(service="recorder", name="recorder")],
        [Service(service="owner", name=f"owner-{number}") for number in range(1, owners + 1)],
        [Service(service="gateway", name="gateway", serves_http=True), *workers],
    ]


def service_program(service: Service, *, data: Path, settings: Mapping[str, str], ports: Ports, place: int) -> Program:
    """`place`: its number among the stack's services, from which its health port follows. `settings`: the whole environment."""
    own: dict[str, str] = {}
    health_port = ports.take(HEALTH_OFFSET + place, purpose=f"{service.name}'s health") if service.has_health else None
    if health_port is not None:
        own |= {"PLANNER_HEALTH_HOST": LOOPBACK, "PLANNER_HEALTH_PORT": str(health_port)}
    port = ports.take(GATEWAY_OFFSET, purpose=f"the {service.name}") if service.serves_http else None
    if port is not None:
        own |= {"PLANNER_GATEWAY_HOST": LOOPBACK, "PLANNER_GATEWAY_PORT": str(port)}
    # -P: a file of the user's in the current folder hides no module of ours; a worker's target is looked for just there.
    options = ("-m",) if service.target else ("-P", "-m")
    command = Command(
        name=service.name,
        arguments=(sys.executable, *options, f"planner.{service.service}", *([service.target] if service.target else [])),
        log=data / "logs" / f"{service.name}.log",
        environment={**settings, **own, "PYTHONUNBUFFERED": "1"},
    )
    return Program(
        service=service.service,
        command=command,
        address=f"http://{LOOPBACK}:{port}" if port is not None else "",
        health=f"http://{LOOPBACK}:{health_port}" if health_port is not None else None,
        answers=lambda: is_ready(health_port),
    )


async def is_ready(health_port: int | None) -> bool:
    """True if `/readyz` says so, or nothing can; a whole HTTP client for one status line would cost more than the answer."""
    if health_port is None:
        return True
    try:
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_connection(LOOPBACK, health_port)
            try:
                writer.write(f"GET /readyz HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n\r\n".encode())
                return (await reader.readline()).split()[1:2] == [b"200"]
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
