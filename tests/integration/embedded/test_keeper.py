"""What the supervisor keeps are real processes; a shell stands in for a server."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from planner.embedded.keeper import Keeper
from planner.embedded.process import Command
from planner.embedded.program import Program
from planner.runtime.failures import StartupRefusedError
from planner.runtime.settings import environment
from support.until import until


class Noted:
    """A watcher that keeps what it is told."""

    def __init__(self) -> None:
        self.pids: list[int] = []
        self.ends: list[int] = []
        self.restarts: list[tuple[int, float]] = []

    def found(self, what: str) -> None: ...

    def starting(self, what: str) -> None: ...

    def stopping(self, what: str) -> None: ...

    def started(self, program: Program, pid: int) -> None:
        self.pids.append(pid)

    def ended(self, program: Program, pid: int) -> None:
        self.ends.append(pid)

    def restarting(self, program: Program, *, exit_code: int, delay_s: float) -> None:
        self.restarts.append((exit_code, delay_s))


def a_program(folder: Path, script: str, *, stop_within_s: float = 5.0) -> Program:
    command = Command(
        name="stand-in",
        arguments=("/bin/sh", "-c", script),
        log=folder / "stand-in.log",
        environment=environment(),
        stop_within_s=stop_within_s,
    )
    ready = folder / "ready"

    async def answers() -> bool:
        return ready.exists()

    return Program(service="stand-in", command=command, address="", answers=answers)


@asynccontextmanager
async def kept(program: Program, watcher: Noted) -> AsyncIterator[Keeper]:
    keeper = Keeper(program, watcher)
    async with asyncio.TaskGroup() as group:
        group.create_task(keeper.keep())
        try:
            yield keeper
        finally:
            await keeper.stop()


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_a_killed_program_is_started_again(tmp_path: Path) -> None:
    watcher = Noted()
    async with kept(a_program(tmp_path, "exec sleep 60"), watcher):
        await until(lambda: watcher.pids, what="the first start")
        os.kill(watcher.pids[0], signal.SIGKILL)
        await until(lambda: len(watcher.pids) == 2, what="the second start")
    assert [code for code, _ in watcher.restarts] == [-signal.SIGKILL]
    assert watcher.ends == watcher.pids
    assert all(is_gone(pid) for pid in watcher.pids)


async def test_a_program_that_fails_at_once_is_tried_ever_later(tmp_path: Path) -> None:
    watcher = Noted()
    async with kept(a_program(tmp_path, "exit 3"), watcher):
        await until(lambda: len(watcher.restarts) == 3, what="three failures")
    assert [code for code, _ in watcher.restarts] == [3, 3, 3]
    delays = [delay for _, delay in watcher.restarts]
    assert delays == sorted(delays)
    assert 0.1 <= delays[0] <= 0.2


async def test_a_program_that_does_not_heed_the_signal_is_killed_in_time(tmp_path: Path) -> None:
    watcher = Noted()
    program = a_program(tmp_path, "trap '' TERM; echo deaf; while :; do sleep 1; done", stop_within_s=0.2)
    async with kept(program, watcher):
        await until(lambda: program.command.log.exists() and "deaf" in program.command.log.read_text(), what="the trap")
    assert watcher.ends == watcher.pids
    assert watcher.restarts == []


async def test_a_program_that_ends_while_the_stack_starts_is_refused_with_the_end_of_its_log(tmp_path: Path) -> None:
    async with kept(a_program(tmp_path, "echo the port is taken; exit 78"), Noted()) as keeper:
        with pytest.raises(StartupRefusedError, match=r"(?s)exit code 78.*the port is taken"):
            await keeper.until_ready()


async def test_stopping_before_the_first_start_leaves_no_process(tmp_path: Path) -> None:
    watcher = Noted()
    keeper = Keeper(a_program(tmp_path, "exec sleep 60"), watcher)
    async with asyncio.TaskGroup() as group:
        group.create_task(keeper.keep())
        await asyncio.sleep(0)
        await keeper.stop()
    assert watcher.ends == watcher.pids
    assert all(is_gone(pid) for pid in watcher.pids)
