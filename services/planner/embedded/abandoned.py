"""Temporary folders that outlived their makers: which are surely ours, and their removal."""

import fcntl
import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

import psutil

from planner.embedded.leftovers import Trace, end_traced, held, living, trace
from planner.embedded.postgres_home import postgres_folder
from planner.runtime.failures import StartupRefusedError

PREFIX: Final = "planner-"
MARKER: Final = "temporary.lock"


@contextmanager
def marked(folder: Path) -> Iterator[None]:
    """The folder is this process's while the block lasts; afterwards, and if the process is killed, it may be removed."""
    with (folder / MARKER).open("x") as marker:
        # Locked before it says whose it is: an empty marker proves nothing, and its folder is left alone.
        fcntl.flock(marker, fcntl.LOCK_EX)
        maker = trace("maker", os.getpid())
        assert maker is not None, "a process can see itself"
        marker.write(json.dumps(asdict(maker)))
        marker.flush()
        yield


def remove(folder: Path) -> None:
    """With what is kept elsewhere for it, as far as it can be removed."""
    for made in (postgres_folder(folder), folder):
        shutil.rmtree(made, ignore_errors=True)


def remove_abandoned(within: Path) -> list[str]:
    """Removes the marked folders of this user whose makers are dead, and ends what those had started; a sentence for each thing found."""
    return [sentence for folder in sorted(within.glob(f"{PREFIX}*")) for sentence in _remove_if_abandoned(folder)]


def _remove_if_abandoned(folder: Path) -> list[str]:
    try:
        if not _is_closed_to_others(folder):
            return []
        with (folder / MARKER).open() as marker:
            # The lock is the proof where the number is not: a maker in another container has a number that means nothing here.
            fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if living(Trace(**json.load(marker))) is not None:
                return []
            with held(folder):
                found = end_traced(folder)
                remove(folder)
    except (OSError, ValueError, TypeError, psutil.Error, StartupRefusedError):
        # Not ours, in use, or on its way out by another hand: whatever is not plain stays.
        return []
    return [*found, f"{folder}, of a stack that was killed: {'could not be removed whole' if folder.exists() else 'removed'}"]


def _is_closed_to_others(folder: Path) -> bool:
    """Only we could have put something into it. In a folder that everybody writes to, names prove nothing."""
    found = folder.lstat()
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
