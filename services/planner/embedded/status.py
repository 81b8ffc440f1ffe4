"""`up.json`: how to reach the running stack, kept current; and the traces by which the next start finds what this one left."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from planner.embedded.leftovers import Trace, trace, write_traces
from planner.embedded.program import Program
from planner.embedded.watcher import Watcher


class Status:
    """Follows the processes of one stack and writes both files at each change."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._traces: dict[int, tuple[Program, Trace]] = {}
        self._reach: Mapping[str, Any] | None = None

    def started(self, program: Program, pid: int) -> None:
        found = trace(program.command.name, pid)
        if found is not None:
            self._traces[pid] = (program, found)
        self._write()

    def ended(self, pid: int) -> None:
        self._traces.pop(pid, None)
        self._write()

    def ready(self, reach: Mapping[str, Any]) -> dict[str, Any]:
        """Takes what does not change while the stack runs; gives the whole object."""
        self._reach = reach
        self._write()
        return self.object()

    def object(self) -> dict[str, Any]:
        pids: dict[str, list[int]] = {}
        for pid, (program, _) in self._traces.items():
            pids.setdefault(program.service, []).append(pid)
        return {"event": "ready", **(self._reach or {}), "pids": pids}

    def stopped(self) -> None:
        (self._data / "processes.json").unlink(missing_ok=True)
        (self._data / "up.json").unlink(missing_ok=True)

    def _write(self) -> None:
        write_traces(self._data, [found for _, found in self._traces.values()])
        if self._reach is not None:
            write_secret(self._data / "up.json", json.dumps(self.object(), indent=2) + "\n")


class StatusWatcher:
    """Passes everything on, and lets the status follow the processes."""

    def __init__(self, watcher: Watcher, status: Status) -> None:
        self.status = status
        self.found = watcher.found
        self.starting = watcher.starting
        self.restarting = watcher.restarting
        self.stopping = watcher.stopping
        self._watcher = watcher

    def started(self, program: Program, pid: int) -> None:
        self.status.started(program, pid)
        self._watcher.started(program, pid)

    def ended(self, program: Program, pid: int) -> None:
        self.status.ended(pid)
        self._watcher.ended(program, pid)


def write_secret(path: Path, text: str) -> None:
    """Whole or not at all, and for its owner's eyes only."""
    partial = path.with_name(f"{path.name}.partial")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)
