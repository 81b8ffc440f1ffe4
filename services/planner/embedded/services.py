"""Planner's own processes in a stack: each started as `python -m planner.<service>` with its settings in the environment."""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from planner.embedded.ports import LOOPBACK, PortOffset, Ports
from planner.embedded.process import Command
from planner.embedded.program import Program

_ANSWER_WITHIN_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """`name` tells two of one service apart. A worker has no health port: it carries no web server."""

    service: str
    name: str
    target: str | None = None
    serves_http: bool = False
    health_place: int | None = None


def stack_services(*, owners: int, sample_worker: bool) -> list[list[Service]]:
    """In the order of starting; stopped the other way round, so that each finds those that it talks to until its own end."""
    gateway, recorder, *owner_places = (PortOffset.HEALTH + number for number in range(2 + owners))
    workers = [Service(service="worker", name="worker")] if sample_worker else []
    return [
        [Service(service="recorder", name="recorder", health_place=recorder)],
        [Service(service="owner", name=f"owner-{number}", health_place=place) for number, place in enumerate(owner_places, start=1)],
        [Service(service="gateway", name="gateway", health_place=gateway, serves_http=True), *workers],
    ]


def service_ports(services: Iterable[Service]) -> dict[int, str]:
    """The ports that they need, by their place after the base, and what for."""
    wanted: dict[int, str] = {}
    for service in services:
        if service.serves_http:
            wanted[PortOffset.GATEWAY] = f"the {service.name}"
        if service.health_place is not None:
            wanted[service.health_place] = f"{service.name}'s health"
    return wanted


def service_program(service: Service, *, data: Path, settings: Mapping[str, str], ports: Ports) -> Program:
    """`settings`: the whole environment, but for the service's own ports."""
    own: dict[str, str] = {}
    health_port = ports[service.health_place] if service.health_place is not None else None
    if health_port is not None:
        own |= {"PLANNER_HEALTH_HOST": LOOPBACK, "PLANNER_HEALTH_PORT": str(health_port)}
    port = ports[PortOffset.GATEWAY] if service.serves_http else None
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
