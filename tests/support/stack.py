"""A whole stack for end-to-end tests: `planner up` in a process of its own, as a user starts it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from planner.embedded import launcher
from planner.runtime.settings import environment

PLANNER = Path(sys.executable).with_name("planner")
READY_WITHIN_S = 120.0
STOP_WITHIN_S = 60.0


class Stack:
    """A stack that was ready once. `ready` is its ready line; `notices` what it has written to stderr so far."""

    def __init__(self, process: subprocess.Popen[str], ready: dict[str, Any], stderr: Path) -> None:
        self.process = process
        self.ready = ready
        self._stderr = stderr

    @property
    def notices(self) -> str:
        return self._stderr.read_text()

    @property
    def status(self) -> dict[str, Any]:
        """`up.json`, as it is now."""
        now: dict[str, Any] = json.loads((Path(self.ready["data"]) / "up.json").read_text())
        return now

    def pids(self, service: str) -> list[int]:
        """Of the service's processes that run now."""
        return list(self.status["pids"].get(service, []))

    def all_pids(self) -> list[int]:
        """Of the supervisor and everything below it."""
        return [self.process.pid, *(child.pid for child in psutil.Process(self.process.pid).children(recursive=True))]

    def planner(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another planner command with the settings of this stack."""
        return planner(*arguments, settings=self.ready["env"])

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """The exit code."""
        self.process.send_signal(how)
        return self.process.wait(STOP_WITHIN_S)


@contextmanager
def running_stack(folder: Path, *options: str, settings: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """`planner up --json` with these options; what it says is kept in the folder. It is stopped at the end, if it has not been before."""
    stderr = folder / f"up-{os.urandom(4).hex()}.err"
    # Ends with the tests however they end; it then stops its own children in order.
    with_us = (sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(int(signal.SIGTERM)), "-")
    with stderr.open("w") as told:
        command: list[str | Path] = [*with_us, PLANNER, "up", "--json", *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, text=True, env=_environment(settings or {}))
    with process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, f"planner up ended before it was ready:\n{stderr.read_text()}"
            yield Stack(process, json.loads(line), stderr)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(STOP_WITHIN_S)


def planner(*arguments: str, settings: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """One planner command to its end."""
    command: Sequence[str | Path] = [PLANNER, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=READY_WITHIN_S, env=_environment(settings))


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Ours, but for settings of a stack that the developer may have."""
    return {name: value for name, value in environment().items() if not name.startswith("PLANNER_")} | dict(settings)


def is_over(pid: int) -> bool:
    """A process that nobody has waited for yet is over too."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
