"""A whole stack whose clocks stand at another time: libfaketime, preloaded into each of its processes, adds a constant to what the
system's wall and monotonic clocks say, so a second lasts a second.

With the monotonic clock shifted, waits until an instant of it (`time.sleep`, a thread's timed wait in CPython) would not end; waits of
a length do (`epoll`, on which asyncio sleeps), and for the JVM's conditions libfaketime translates.

The library in the wheel of libfaketime is for Linux on x86-64; elsewhere `pip install --no-binary libfaketime libfaketime` makes it.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

import libfaketime
import psutil

from planner.runtime.clock import SystemClock
from support.api import api_of
from support.stack import Stack, running_stack

# How long a start may take: on most machines, and on one that has much else to do.
_STARTS_S: Final = (24, 90)
_FAR_AWAY: Final = {"action": "demo.far", "execute_at": "2199-01-01T00:00:00Z"}
_FIRST_TRIES: Final = 5
_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 (where libfaketime makes its semaphores, not a temporary file of ours)


@dataclass(frozen=True, slots=True)
class ShiftedClock:
    """The clocks of the stack: the system's, and so much more."""

    offset: timedelta

    @classmethod
    def standing_at(cls, instant: datetime) -> "ShiftedClock":
        """It shows this instant now, to the second, and goes on from there."""
        return cls(timedelta(seconds=round((instant - SystemClock().now()).total_seconds())))

    def now(self) -> datetime:
        return SystemClock().now() + self.offset

    def environment(self, folder: Path) -> dict[str, str]:
        """What a process must be started with to have this clock; the library is copied to the folder, which every user must reach."""
        _, variables = libfaketime.get_reload_information()
        given = Path(variables["LD_LIBRARY_PATH"]) / variables["LD_PRELOAD"]
        library = folder / given.name
        if not library.exists():
            shutil.copy(given, library)
        kept = {name: value for name, value in variables.items() if not name.startswith("LD_")}
        shifted = {"FAKETIME": f"{self.offset.total_seconds():+.0f}s", "DONT_FAKE_MONOTONIC": "0", "FAKETIME_FORCE_MONOTONIC_FIX": "1"}
        return {**kept, **shifted, "LD_PRELOAD": str(library)}


@contextmanager
def shifted_stack(
    folder: Path, instant: datetime, *options: str, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[Stack, ShiftedClock]]:
    """A stack that is started at this instant, as its clock says. It is some seconds later when it has answered a first command."""
    clock = ShiftedClock.standing_at(instant)
    try:
        with running_stack(folder, *options, settings={**(settings or {}), **clock.environment(folder)}) as stack:
            with api_of(stack) as api:
                # On a busy machine the very first answer may take longer than a caller waits for it (202).
                assert any(api.create(_FAR_AWAY).status_code == HTTPStatus.CREATED for _ in range(_FIRST_TRIES))
            yield stack, clock
    finally:
        _remove_leftovers()


@contextmanager
def stack_before(folder: Path, instant: datetime, *, lead: timedelta) -> Iterator[tuple[Stack, ShiftedClock]]:
    """A stack of its own that is ready at least so long before an instant: where the machine was too slow, another that began earlier."""
    for start_s in _STARTS_S:
        with shifted_stack(folder, instant - lead - timedelta(seconds=start_s), "--ephemeral") as (stack, clock):
            if clock.now() <= instant - lead:
                yield stack, clock
                return
    raise AssertionError(f"no stack was ready within {_STARTS_S[-1]} s")


def _remove_leftovers() -> None:
    """The library shares its offset through objects that carry the number of a process; those of processes that were killed stay."""
    for left in _SHARED_MEMORY.glob("*faketime_*"):
        if not psutil.pid_exists(int(left.name.rsplit("_", 1)[1])):
            left.unlink(missing_ok=True)
