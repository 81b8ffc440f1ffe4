"""Workers of a stack, each in a process of its own, as its users start them."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from planner.embedded import launcher
from planner.runtime.settings import environment
from support.stack import PLANNER, Stack

STOP_WITHIN_S = 30.0
TESTS = Path(__file__).parents[1]


@contextmanager
def running_worker(stack: Stack, target: str) -> Iterator[None]:
    """`planner worker` with a worker that the tests have."""
    with _running([str(PLANNER), "worker", target], stack, TESTS, Path(stack.ready["data"]) / f"{target}.log"):
        yield


@contextmanager
def running_script(stack: Stack, code: str, folder: Path) -> Iterator[None]:
    """A worker that is a program by itself."""
    script = folder / "worker_of_a_user.py"
    script.write_text(code)
    with _running([sys.executable, str(script)], stack, folder, script.with_suffix(".log")):
        yield


@contextmanager
def _running(command: Sequence[str], stack: Stack, folder: Path, log: Path) -> Iterator[None]:
    """It must end in order when it is told to, and ends with the tests however they end."""
    with_us = (sys.executable, "-I", "-S", launcher.__file__, str(os.getpid()), str(int(signal.SIGKILL)), "-")
    with log.open("w") as told:
        process = subprocess.Popen([*with_us, *command], cwd=folder, env=environment() | stack.ready["env"], stdout=told, stderr=told)
    try:
        yield
    finally:
        process.terminate()
        assert process.wait(STOP_WITHIN_S) == 0, log.read_text()
