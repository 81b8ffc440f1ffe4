"""The stack of `planner up`: starts everything in order, keeps it running, stops it in order."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

from planner.embedded.keeper import Keeper
from planner.embedded.leftovers import clear, held
from planner.embedded.ports import Ports, all_reserved
from planner.embedded.program import Program
from planner.embedded.servers import Addresses, Given, addresses, server_ports, server_programs
from planner.embedded.services import Service, service_ports, service_program
from planner.embedded.status import Status, StatusWatcher, write_secret
from planner.embedded.watcher import Watcher
from planner.runtime.clock import secret
from planner.runtime.failures import StartupRefusedError, UnavailableError

_REPORT_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class StackPlan:
    """What to start. `settings`: the environment of every service, before this stack's own addresses; `port_base` 0 = free ports."""

    data: Path
    given: Given
    settings: Mapping[str, str]
    services: list[list[Service]]
    namespace: str
    partitions: int
    report_keys: str | None = None
    port_base: int = 0


# Makes topics, tables and the first key with the stack's settings; gives the key's fields of the ready object.
Prepare = Callable[[Mapping[str, str]], Awaitable[Mapping[str, Any]]]
Ready = Callable[[Mapping[str, Any]], None]


class Supervisor:
    def __init__(self, plan: StackPlan, watcher: Watcher, *, prepare: Prepare, ready: Ready) -> None:
        self._plan = plan
        self._watcher = StatusWatcher(watcher, Status(plan.data))
        self._prepare = prepare
        self._ready = ready
        self._tiers: list[list[Keeper]] = []
        self._failure: StartupRefusedError | UnavailableError | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; every process is gone when it returns. Raises why the stack could not come up."""
        wanted = server_ports(self._plan.given) | service_ports(chain.from_iterable(self._plan.services))
        with held(self._plan.data), all_reserved(wanted, base=self._plan.port_base) as ports:
            for found in clear(self._plan.data):
                self._watcher.found(found)
            async with asyncio.TaskGroup() as group:
                bringing_up = group.create_task(self._bring_up_or_refuse(group, ports, stop))
                try:
                    await stop.wait()
                    bringing_up.cancel()
                    await asyncio.wait([bringing_up])
                finally:
                    await self._bring_down()
            self._watcher.status.stopped()
        if self._failure is not None:
            raise self._failure

    async def _bring_up_or_refuse(self, group: asyncio.TaskGroup, ports: Ports, stop: asyncio.Event) -> None:
        try:
            await self._bring_up(group, ports)
        except (StartupRefusedError, UnavailableError) as error:
            self._failure = error
            stop.set()

    async def _bring_up(self, group: asyncio.TaskGroup, ports: Ports) -> None:
        plan = self._plan
        self._watcher.starting("servers")
        servers = await server_programs(plan.data, plan.given, ports)
        await self._keep(group, [servers])
        reach = addresses(plan.given, servers)
        env = _stack_settings(plan, reach)
        settings = {**plan.settings, **env}
        self._watcher.starting("topics and tables")
        key = await self._prepare(settings)
        self._watcher.starting("services")
        tiers = _service_tiers(plan, settings, ports)
        await self._keep(group, tiers)
        self._ready(self._watcher.status.ready({**_reach(plan, reach, tiers), **key, "env": env}))

    async def _keep(self, group: asyncio.TaskGroup, tiers: list[list[Program]]) -> None:
        """Starts all tiers at once, since each service waits by itself for what it needs; returns when all are ready."""
        started = [[Keeper(program, self._watcher) for program in tier] for tier in tiers if tier]
        self._tiers.extend(started)
        keepers = [keeper for tier in started for keeper in tier]
        for keeper in keepers:
            group.create_task(keeper.keep())
        await asyncio.gather(*(keeper.until_ready() for keeper in keepers))

    async def _bring_down(self) -> None:
        while self._tiers:
            tier = self._tiers.pop()
            self._watcher.stopping(", ".join(keeper.name for keeper in tier))
            await asyncio.gather(*(keeper.stop() for keeper in tier))


def _service_tiers(plan: StackPlan, settings: Mapping[str, str], ports: Ports) -> list[list[Program]]:
    return [[service_program(service, data=plan.data, settings=settings, ports=ports) for service in tier] for tier in plan.services]


def _stack_settings(plan: StackPlan, reach: Addresses) -> dict[str, str]:
    """With these in its environment any other command reaches the stack."""
    # An embedded Kafka has no security; what the user's own one needs must not reach its clients.
    plain = {"PLANNER_KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"} if plan.given.kafka is None else {}
    return plain | {
        "PLANNER_NAMESPACE": plan.namespace,
        "PLANNER_KAFKA": reach.kafka,
        "PLANNER_REDIS": reach.redis,
        "PLANNER_POSTGRES": reach.postgres,
        "PLANNER_PARTITIONS": str(plan.partitions),
        "PLANNER_ACTIONS": "open",
        "PLANNER_REPORT_KEYS": plan.report_keys or _kept_report_keys(plan.data),
    }


def _kept_report_keys(data: Path) -> str:
    """The same at each start: runs that were under way when the stack stopped are reported with their old tokens."""
    kept = data / "report.keys"
    if not kept.exists():
        write_secret(kept, f"local:{secret(_REPORT_KEY_BYTES).hex()}")
    return kept.read_text()


def _reach(plan: StackPlan, reach: Addresses, tiers: list[list[Program]]) -> dict[str, Any]:
    programs = [program for tier in tiers for program in tier]
    health: dict[str, list[str]] = {}
    for program in programs:
        if program.health is not None:
            health.setdefault(program.service, []).append(program.health)
    return {
        "namespace": plan.namespace,
        "gateway": next((program.address for program in programs if program.service == "gateway"), None),
        "data": str(plan.data),
        "health": health,
        "kafka": reach.kafka,
        "redis": reach.redis,
        "postgres": reach.postgres,
    }
