"""A server or service as the supervisor sees it: how to start it and how to ask whether it is ready."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from planner.embedded.process import Command, log_tail, start, stop
from planner.runtime.failures import StartupRefusedError

READY_WITHIN_S: Final = 60.0
_ASK_EVERY_S: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """`service` is what it is one of: two owners are two programs of one service. `address` is what others reach it by,
    `health` the URL under which its `/readyz` and `/metrics` are.

    `answers` makes one real request with a time limit of its own and never raises.
    """

    service: str
    command: Command
    address: str
    health: str | None = None
    answers: Callable[[], Awaitable[bool]]


@asynccontextmanager
async def running(program: Program) -> AsyncIterator[str]:
    """One program without a supervisor: its address once it is ready; gone at the end."""
    process = await start(program.command)
    try:
        await until_ready(program, ended=lambda: process.returncode)
        yield program.address
    finally:
        await asyncio.shield(stop(process, program.command))


async def until_ready(program: Program, *, ended: Callable[[], int | None]) -> None:
    """Asks until there is an answer; refuses, with the end of the log, if `ended()` gives an exit code first or the time is over."""
    name, log = program.command.name, program.command.log
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            while not await program.answers():
                code = ended()
                if code is not None:
                    raise StartupRefusedError(f"{name} ended at its start with exit code {code}.\n{log_tail(log)}")
                await asyncio.sleep(_ASK_EVERY_S)
    except TimeoutError:
        raise StartupRefusedError(f"{name} was not ready within {READY_WITHIN_S:.0f} s.\n{log_tail(log)}") from None
