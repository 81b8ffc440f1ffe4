"""One child process: started under the launcher, its output in a log file, stopped in order."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from planner.embedded.accounts import Account
from planner.runtime.failures import StartupRefusedError

_LAUNCHER: Final = Path(__file__).with_name("launcher.py")
_READY_POLL_S: Final = 0.05
_LOG_TAIL_LINES: Final = 15

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to start. `orphan_signal` reaches it when the parent is gone; `stop_signal` asks it to end within `stop_within_s`."""

    name: str
    arguments: tuple[str, ...]
    log: Path
    environment: Mapping[str, str]
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    stop_within_s: float = 15.0


async def start(command: Command) -> Process:
    """Starts it in a session of its own, so that Ctrl-C in a terminal reaches the parent only, which then stops in order."""
    account = f"{command.account.uid}:{command.account.gid}" if command.account else "-"
    launcher = (sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(int(command.orphan_signal)), account)
    command.log.parent.mkdir(parents=True, exist_ok=True)
    with command.log.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *launcher,
            *command.arguments,
            stdin=DEVNULL,
            stdout=log,
            stderr=STDOUT,
            env=dict(command.environment),
            start_new_session=True,
        )


async def stop(process: Process, command: Command) -> None:
    """Asks the process to end and kills it when its time is over; returns when it is gone."""
    if process.returncode is None:
        process.send_signal(command.stop_signal)
        try:
            async with asyncio.timeout(command.stop_within_s):
                await process.wait()
        except TimeoutError:
            process.kill()
    await process.wait()


@asynccontextmanager
async def running(command: Command) -> AsyncIterator[Process]:
    process = await start(command)
    try:
        yield process
    finally:
        await asyncio.shield(stop(process, command))


async def until_answered(
    ask: Callable[[], Awaitable[Answer | None]], *, process: Process, command: Command, within_s: float = 60.0
) -> Answer:
    """Asks until there is an answer; refuses, with the end of the log, if the process ends first or the time is over."""
    try:
        async with asyncio.timeout(within_s):
            while process.returncode is None:
                answer = await ask()
                if answer is not None:
                    return answer
                await asyncio.sleep(_READY_POLL_S)
    except TimeoutError:
        raise StartupRefusedError(f"{command.name} gave no answer within {within_s:.0f} s.\n{log_tail(command.log)}") from None
    raise StartupRefusedError(f"{command.name} ended at its start with exit code {process.returncode}.\n{log_tail(command.log)}")


def log_tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
    return "\n".join([f"The end of {log}:", *(f"  {line}" for line in lines)])
