"""A whole stack whose clock stands at another time: libfaketime, preloaded into each of its processes, adds a constant to what the
system's wall clock says. Waits go by the monotonic clock, which stays as it is, so a second lasts a second.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import libfaketime
import psutil

from planner.runtime.clock import SystemClock
from support.stack import Stack, running_stack

_SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 (where libfaketime makes its semaphores, not a temporary file of ours)


@dataclass(frozen=True, slots=True)
class ShiftedClock:
    """The wall clock of the stack: the system's, and so much more."""

    offset: timedelta

    @classmethod
    def standing_at(cls, instant: datetime) -> "ShiftedClock":
        """It shows this instant now, to the second, and goes on from there."""
        return cls(timedelta(seconds=round((instant - SystemClock().now()).total_seconds())))

    def now(self) -> datetime:
        return SystemClock().now() + self.offset

    def environment(self, folder: Path) -> dict[str, str]:
        """What a process must be started with to have this clock; the library is copied to the folder, which every user must reach."""
        _, preloading = libfaketime.get_reload_information()
        library = folder / preloading.pop("LD_PRELOAD")
        if not library.exists():
            shutil.copy(Path(preloading["LD_LIBRARY_PATH"]) / library.name, library)
        del preloading["LD_LIBRARY_PATH"]
        return {**preloading, "LD_PRELOAD": str(library), "FAKETIME": f"{self.offset.total_seconds():+.0f}s"}


@contextmanager
def shifted_stack(
    folder: Path, instant: datetime, *options: str, settings: Mapping[str, str] | None = None
) -> Iterator[tuple[Stack, ShiftedClock]]:
    """A stack that is started at this instant, as its clock says. It has used up a few seconds of it when it is ready."""
    clock = ShiftedClock.standing_at(instant)
    try:
        with running_stack(folder, *options, settings={**(settings or {}), **clock.environment(folder)}) as stack:
            yield stack, clock
    finally:
        _remove_leftovers()


def _remove_leftovers() -> None:
    """The library shares its offset through objects that carry the number of a process; those of processes that were killed stay."""
    for left in _SHARED_MEMORY.glob("*faketime_*"):
        if not psutil.pid_exists(int(left.name.rsplit("_", 1)[1])):
            left.unlink(missing_ok=True)
