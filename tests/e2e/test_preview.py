"""`planner preview --json` as a process: without a stack, a configuration or a clock that matters."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from support.stack import PLANNER
from support.vectors import Answer, cases, hostile_case, hostile_vectors, recurrence_vectors

CRON = {"recurrence": {"type": "cron", "expression": "30 2 * * *"}, "timezone": "Europe/Amsterdam"}
REQUEST = {"id": "a", "schedule": CRON, "after": "2024-03-30T12:00:00Z", "limit": 1}


@contextmanager
def preview(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The process, started where there is nothing to read, with nothing in its environment."""
    command = [str(PLANNER), "preview", "--json"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env={}) as process:
        yield process


def ask(process: subprocess.Popen[str], request: Any) -> Answer:  # noqa: ANN401  JSON has no narrower type
    """Send one line, and wait for its answer before anything else is sent."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write((request if isinstance(request, str) else json.dumps(request)) + "\n")
    process.stdin.flush()
    answer: Answer = json.loads(process.stdout.readline())
    return answer


def test_every_published_vector_holds_in_one_process(tmp_path: Path) -> None:
    asked = [case for vector in recurrence_vectors() for case in cases(vector)]
    with preview(tmp_path) as process:
        told, _ = process.communicate("".join(json.dumps(case.request) + "\n" for case in asked))

    answers = [json.loads(line) for line in told.splitlines()]
    assert process.returncode == 0
    assert [answer["id"] for answer in answers] == [case.request["id"] for case in asked]
    assert [wrong for case, answer in zip(asked, answers, strict=True) if (wrong := case.fault(answer))] == []


def test_every_hostile_request_is_answered_at_once_by_one_process_that_goes_on(tmp_path: Path) -> None:
    wrong = []
    with preview(tmp_path) as process:
        ask(process, REQUEST)
        for vector in hostile_vectors():
            case = hostile_case(vector)
            began = perf_counter()
            fault = case.fault(ask(process, case.request))
            # A busy machine may take a multiple of the time; a walk through seconds or years would take a thousandfold.
            if fault or perf_counter() - began > vector["max_ms"] / 1000 * 10:
                wrong.append(fault or f"{case.name}: too slow")
        process.communicate()

    assert wrong == []
    assert process.returncode == 0


def test_a_line_is_answered_before_the_next_is_sent(tmp_path: Path) -> None:
    with preview(tmp_path) as process:
        first = ask(process, REQUEST)
        malformed = ask(process, "{")
        second = ask(process, {**REQUEST, "id": "b"})
        rest, _ = process.communicate()

    assert (first["id"], malformed["id"], second["id"], rest) == ("a", None, "b", "")
    assert first["occurrences"] == [
        {
            "scheduled_for": "2024-03-31T01:00:00Z",
            "due_at": "2024-03-31T01:00:00Z",
            "local": "2024-03-31T03:00:00+02:00",
            "flags": ["dst_gap"],
        }
    ]
    assert process.returncode == 0


@pytest.mark.parametrize("ending", ["", "\n", "\n\n"])
def test_it_ends_with_its_input_however_that_ends(tmp_path: Path, ending: str) -> None:
    with preview(tmp_path) as process:
        told, _ = process.communicate(json.dumps(REQUEST) + ending)

    assert len(told.splitlines()) == 1
    assert process.returncode == 0
