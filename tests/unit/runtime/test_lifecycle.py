"""How a process ends, seen from outside: logging is set up once a process."""

import subprocess
import sys
from typing import Final

import pytest

from planner.runtime.lifecycle import EXIT_FAILED, EXIT_REFUSED

SCRIPT: Final = """
from planner.runtime.failures import StartupRefusedError, UnavailableError
from planner.runtime.lifecycle import run_process
from planner.runtime.settings import ProcessSettings

refused = StartupRefusedError("topics are other than declared")
away = UnavailableError("Kafka cannot be reached")

async def serve(settings, stop):
    {body}

run_process("owner", ProcessSettings, serve)
"""


def run(body: str) -> tuple[int, list[str]]:
    """Exit code, and the lines that it wrote."""
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(body=body)], capture_output=True, text=True, timeout=50, check=False)
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        ("raise refused", EXIT_REFUSED, "topics are other than declared"),
        ("raise away", EXIT_FAILED, "Kafka cannot be reached"),
        (
            "raise ExceptionGroup('g', [ValueError('beside it'), ExceptionGroup('h', [refused])])",
            EXIT_REFUSED,
            "topics are other than declared",
        ),
        ("raise ExceptionGroup('g', [away, away])", EXIT_FAILED, "Kafka cannot be reached"),
    ],
)
def test_what_an_operator_can_mend_is_told_in_one_line(body: str, code: int, told: str) -> None:
    exited, lines = run(body)
    assert (exited, lines[1:]) == (code, [f"planner owner: {told}"])
    assert "process.started" in lines[0]


@pytest.mark.parametrize("body", ["raise ValueError('bug')", "raise ExceptionGroup('g', [away, ValueError('bug')])"])
def test_a_bug_is_never_told_as_anything_else(body: str) -> None:
    code, lines = run(body)
    assert code == EXIT_FAILED
    assert any("Traceback" in line for line in lines)
    assert any("ValueError: bug" in line for line in lines)


@pytest.mark.parametrize("number", ["SIGTERM", "SIGINT"])
def test_a_process_that_is_told_to_stop_ends_in_order(number: str) -> None:
    code, lines = run(f"import os, signal; os.kill(os.getpid(), signal.{number}); await stop.wait()")
    assert code == 0
    assert "process.stopped" in lines[-1]
