"""What an earlier run left in a data folder: its lock, and processes that outlived it."""

import fcntl
import json
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from planner.runtime.failures import StartupRefusedError

_ENDED_WITHIN_S: Final = 10.0
# The time of the boot, from which starts are counted, moves a little when the clock is set.
_SAME_START_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Trace:
    """One process of a run. The kernel gives its number to others later, so its start is kept too."""

    name: str
    pid: int
    created: float


@contextmanager
def held(data: Path) -> Iterator[None]:
    """The data folder is this process's alone. Refuses if another one lives on it."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise StartupRefusedError(f"{data} is in use by `planner up` with pid {lock.read().strip() or 'unknown'}") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def trace(name: str, pid: int) -> Trace | None:
    try:
        return Trace(name=name, pid=pid, created=psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return None


def living(found: Trace) -> psutil.Process | None:
    """The process of the trace, if it still runs."""
    try:
        process = psutil.Process(found.pid)
        other = abs(process.create_time() - found.created) > _SAME_START_S
        return None if other or process.status() == psutil.STATUS_ZOMBIE else process
    except psutil.NoSuchProcess:
        return None


def write_traces(data: Path, traces: Sequence[Trace]) -> None:
    partial = data / "processes.json.partial"
    partial.write_text(json.dumps([asdict(one) for one in traces]))
    partial.replace(data / "processes.json")


def clear(data: Path) -> list[str]:
    """Ends what is left of an earlier run; a sentence for each thing found. To be called by the holder of the folder only."""
    kept = data / "processes.json"
    if not kept.exists():
        return []
    try:
        found = end_traced(data)
    except (ValueError, TypeError):
        kept.unlink()
        return [f"the earlier run left an unreadable {kept}: removed; processes of it may still run"]
    kept.unlink()
    (data / "up.json").unlink(missing_ok=True)
    return ["the earlier run did not stop in order: its servers recover from their logs", *found]


def end_traced(data: Path) -> list[str]:
    """Ends the processes that the last run on this folder told of; a sentence for each one that was still there. Raises ValueError or
    TypeError if what it told cannot be read.
    """
    kept = data / "processes.json"
    traces = [Trace(**one) for one in json.loads(kept.read_text())] if kept.exists() else []
    return [sentence for one in traces if (sentence := _end(one))]


def _end(found: Trace) -> str | None:
    process = living(found)
    if process is None:
        return None
    try:
        for signal_number in (signal.SIGTERM, signal.SIGKILL):
            process.send_signal(signal_number)
            try:
                process.wait(_ENDED_WITHIN_S)
            except psutil.TimeoutExpired:
                continue
            break
    except psutil.NoSuchProcess:
        return None
    return f"{found.name} of the earlier run was still there (pid {found.pid}): ended"
