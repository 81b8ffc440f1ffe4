"""How a process runs: settings, logs, signals, exit codes."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from planner.runtime.failures import StartupRefusedError
from planner.runtime.log import configure, get_logger
from planner.runtime.settings import ProcessSettings, load, public

EXIT_REFUSED: Final = 78
"""EX_CONFIG of sysexits.h: starting it again will not help before somebody changes something."""

SettingsT = TypeVar("SettingsT", bound=ProcessSettings)


def run_process(name: str, settings_class: type[SettingsT], serve: Callable[[SettingsT, asyncio.Event], Awaitable[None]]) -> None:
    """Run a process until SIGTERM or SIGINT, then exit: 0 in order, 78 refused by its set-up, 1 crashed."""
    try:
        settings = load(settings_class)
        configure(process=name, level=settings.log_level, log_format=settings.log_format)
        log = get_logger(name)
        log.info("process.started", settings=public(settings))
        asyncio.run(_until_signalled(settings, serve))
        log.info("process.stopped")
    except StartupRefusedError as refusal:
        sys.stderr.write(f"planner {name}: {refusal}\n")
        sys.exit(EXIT_REFUSED)
    except BaseExceptionGroup as group:
        refused, _ = group.split(StartupRefusedError)
        if refused is None:
            raise
        sys.stderr.write(f"planner {name}: {_first(refused)}\n")
        sys.exit(EXIT_REFUSED)


async def _until_signalled(settings: SettingsT, serve: Callable[[SettingsT, asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
