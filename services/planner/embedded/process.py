"""One child process: started under the launcher, its output in a log file, stopped in order."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from planner.embedded.accounts import Account
from planner.runtime.failures import StartupRefusedError

_LAUNCHER: Final = Path(__file__).with_name("launcher.py")
_LOG_TAIL_LINES: Final = 15
_LOG_BYTES_MAX: Final = 16 * 1024 * 1024


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
    if command.log.exists() and command.log.stat().st_size > _LOG_BYTES_MAX:
        command.log.replace(command.log.with_name(f"{command.log.name}.1"))
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


async def run_to_end(command: Command, *, within_s: float) -> None:
    """For a program that does one thing; refuses, with the end of its log, if that failed."""
    process = await start(command)
    try:
        async with asyncio.timeout(within_s):
            code = await process.wait()
    except TimeoutError:
        code = None
    finally:
        await asyncio.shield(stop(process, replace(command, stop_signal=signal.SIGKILL)))
    if code != 0:
        raise StartupRefusedError(f"{command.name} failed (exit code {code}).\n{log_tail(command.log)}")


def log_tail(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-_LOG_TAIL_LINES:]
    return "\n".join([f"The end of {log}:", *(f"  {line}" for line in lines)])
