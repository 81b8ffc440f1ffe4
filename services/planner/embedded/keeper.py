"""Keeps one program running until it is told to stop."""

import asyncio
from asyncio.subprocess import Process
from typing import Final

from planner.embedded.process import start, stop
from planner.embedded.program import Program, until_ready
from planner.embedded.watcher import Watcher
from planner.runtime.clock import SystemClock, jitter
from planner.runtime.failures import Backoff

BACKOFF_FIRST_S: Final = 0.2
BACKOFF_MOST_S: Final = 10.0
# A program that has lived so long does not fail at its start: its next failure is a first one again.
_SETTLED_AFTER_S: Final = 30.0


class Keeper:
    """One program's process, and its successors."""

    def __init__(self, program: Program, watcher: Watcher) -> None:
        self._program = program
        self._watcher = watcher
        self._over = asyncio.Event()
        self._process: Process | None = None

    @property
    def name(self) -> str:
        return self._program.command.name

    async def keep(self) -> None:
        """Runs until `stop`; starts the program again, ever later up to `BACKOFF_MOST_S`, whenever it ends by itself."""
        backoff = Backoff(BACKOFF_FIRST_S, BACKOFF_MOST_S, jitter)
        clock = SystemClock()
        while not self._over.is_set():
            began = clock.monotonic()
            exit_code = await self._run_once()
            if self._over.is_set():
                return
            if clock.monotonic() - began > _SETTLED_AFTER_S:
                backoff.reset()
            delay_s = backoff.next_s()
            self._watcher.restarting(self._program, exit_code=exit_code, delay_s=delay_s)
            await self._rest(delay_s)

    async def _run_once(self) -> int:
        process = await start(self._program.command)
        self._process = process
        self._watcher.started(self._program, process.pid)
        try:
            # `stop` came while the process was being made and saw none.
            if self._over.is_set():
                await stop(process, self._program.command)
            return await process.wait()
        finally:
            await asyncio.shield(stop(process, self._program.command))
            self._watcher.ended(self._program, process.pid)

    async def _rest(self, delay_s: float) -> None:
        try:
            async with asyncio.timeout(delay_s):
                await self._over.wait()
        except TimeoutError:
            return

    async def until_ready(self) -> None:
        await until_ready(self._program, ended=self._first_end)

    def _first_end(self) -> int | None:
        """While the stack starts, a program that ends is not tried again: its reason would only scroll away."""
        return self._process.returncode if self._process else None

    async def stop(self) -> None:
        """Returns when the process is gone; there will be no other."""
        self._over.set()
        if self._process is not None:
            await stop(self._process, self._program.command)
