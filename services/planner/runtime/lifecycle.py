"""How a process runs: settings, logs, signals, exit codes."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Final, TypeVar

from planner.runtime.failures import StartupRefusedError, UnavailableError
from planner.runtime.log import configure, get_logger
from planner.runtime.settings import ProcessSettings, load, public

EXIT_REFUSED: Final = 78
"""EX_CONFIG of sysexits.h: starting it again will not help before somebody changes something."""
EXIT_FAILED: Final = 1

SettingsT = TypeVar("SettingsT", bound=ProcessSettings)


def run_process(name: str, settings_class: type[SettingsT], serve: Callable[[SettingsT, asyncio.Event], Awaitable[None]]) -> None:
    """Run a process until SIGTERM or SIGINT, then exit: 0 in order, 78 refused by its set-up, 1 crashed or left alone by what it needs."""
    try:
        settings = load(settings_class)
        configure(process=name, level=settings.log_level, log_format=settings.log_format)
        log = get_logger(name)
        log.info("process.started", settings=public(settings))
        asyncio.run(_until_signalled(settings, serve))
        log.info("process.stopped")
    except BaseException as error:
        told = _told(error)
        if told is None:
            raise
        sys.stderr.write(f"planner {name}: {told}\n")
        sys.exit(EXIT_REFUSED if isinstance(told, StartupRefusedError) else EXIT_FAILED)


async def _until_signalled(settings: SettingsT, serve: Callable[[SettingsT, asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(settings, stop)


def _told(error: BaseException) -> BaseException | None:
    """What an operator can do something about, where there is nothing else; a refusal counts before all that came with it."""
    leaves = list(_leaves(error))
    refusal = next((leaf for leaf in leaves if isinstance(leaf, StartupRefusedError)), None)
    return refusal or (leaves[0] if all(isinstance(leaf, UnavailableError) for leaf in leaves) else None)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error
