"""The public vectors of the kinds that this version supports, through the domain: what each kind asks, and what must be answered."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from planner.domain import civil_time
from planner.domain.civil_time import LabelKind
from planner.domain.dates import parse_instant
from planner.domain.definition import define
from planner.domain.errors import DefinitionInvalidError, ScheduleError
from planner.domain.recurrence.window import occurrences
from planner_contracts.instants import format_instant
from support.schedules import instant

Vector = dict[str, Any]
FOLDER = Path(__file__).parent / "vectors"
REFUSED_LABELS = {"repeated": "LOCAL_TIME_AMBIGUOUS", "skipped": "LOCAL_TIME_NONEXISTENT"}
KINDS = {"unique": LabelKind.UNIQUE, "skipped": LabelKind.MISSING, "repeated": LabelKind.REPEATED}


def vectors(file: str, *kinds: str) -> list[Vector]:
    found = [json.loads(line) for line in (FOLDER / file).read_text(encoding="utf-8").splitlines()]
    return [vector for vector in found if not kinds or vector["kind"] in kinds]


def answer(schedule: Vector, after: str | None, limit: int) -> list[str] | str:
    """The first occurrences, or the code that refuses the schedule."""
    try:
        compiled = define({"action": "a", **schedule}, now=None).schedule
        since = None if after is None else parse_instant(after)
    except DefinitionInvalidError as invalid:
        return invalid.faults[0].code
    except ScheduleError as refused:
        return refused.code
    window = occurrences(compiled, after=since, until=None, limit=limit)
    assert all(civil_time.local(found, compiled.timezone) == found for found in window.instants)
    return [format_instant(found) for found in window.instants]


def by_name(vector: Vector) -> str:
    return f"{vector['id']} {vector['kind']} {vector.get('category', vector.get('name'))}"


def test_the_vectors_are_all_there() -> None:
    assert len(vectors("recurrence.jsonl")) == 1517
    assert len(vectors("hostile.jsonl")) == 94


def test_every_cron_vector_holds() -> None:
    wrong = [
        by_name(vector)
        for vector in vectors("recurrence.jsonl", "cron")
        if not _agrees(
            vector["expected"],
            answer(
                {"recurrence": {"type": "cron", "expression": vector["expr"]}, "timezone": vector["tz"]},
                vector["start"],
                len(vector["expected"]),
            ),
        )
    ]

    assert wrong == []


def _agrees(expected: list[str], given: list[str] | str) -> bool:
    # A published rule without a fire is one that this specification refuses.
    return given == (expected or "SCHEDULE_NEVER_FIRES")


@pytest.mark.parametrize("written", ["every_seconds", "every"])
def test_every_interval_vector_holds_however_it_is_written(written: str) -> None:
    wrong = []
    for vector in vectors("recurrence.jsonl", "interval"):
        period = {"every": vector["expr"]} if written == "every" else {"every_seconds": vector["period_seconds"]}
        schedule = {"recurrence": {"type": "interval", **period, "anchor": vector["anchor"]}, "timezone": vector["tz"]}
        if answer(schedule, vector["start"], len(vector["expected"])) != vector["expected"]:
            wrong.append(by_name(vector))

    assert wrong == []


def test_every_rrule_vector_holds_to_its_end() -> None:
    wrong = []
    for vector in vectors("recurrence.jsonl", "rrule"):
        names = {"rule": "expr", "dtstart": "dtstart", "exdates": "exdate", "rdates": "rdate"}
        recurrence = {"type": "rrule", **{ours: vector[theirs] for ours, theirs in names.items()}}
        # One more where the vector says that there is none.
        limit = len(vector["expected"]) + vector["complete"]
        if not _agrees(vector["expected"], answer({"recurrence": recurrence, "timezone": vector["tz"]}, None, limit)):
            wrong.append(by_name(vector))

    assert wrong == []


def local_time_cases() -> Iterator[tuple[Vector, dict[str, str] | None, list[str] | str]]:
    """Each label with each policy, and without one; what must be answered."""
    for vector in vectors("recurrence.jsonl", "local_time"):
        for policy, expected in vector["expected"].items():
            yield vector, dict(part.split("=") for part in policy.split(",")), [expected]
        plain = [next(iter(vector["expected"].values()))]
        yield vector, None, REFUSED_LABELS.get(vector["classification"], plain)


def test_every_local_time_vector_holds_with_each_policy_and_without() -> None:
    wrong = []
    for vector, policy, expected in local_time_cases():
        schedule = {"execute_at": vector["label"], "timezone": vector["tz"], "dst": policy}
        kind = civil_time.kind_of(datetime.fromisoformat(vector["label"]), vector["tz"])
        if answer(schedule, None, 1) != expected or kind is not KINDS[vector["classification"]]:
            wrong.append(f"{by_name(vector)} {policy}")

    assert wrong == []


def test_every_refused_rule_has_its_code() -> None:
    wrong = []
    for vector in vectors("recurrence.jsonl", "cron_error"):
        given = answer({"recurrence": {"type": "cron", "expression": vector["expr"]}, "timezone": vector["tz"]}, vector["start"], 1)
        if given != vector["expected_error"]:
            wrong.append(f"{by_name(vector)}: {given}")

    assert wrong == []


def hostile_schedule(vector: Vector) -> tuple[Vector, str | None]:
    given = {
        name: value["pre"] + value["rep"] * value["n"] + value["post"] if isinstance(value, dict) else value
        for name, value in vector["input"].items()
    }
    after = given.pop("after", None)
    if "cron" in given:
        given["recurrence"] = {"type": "cron", "expression": given.pop("cron")}
    elif "rrule" in given:
        names = {"rule": "rrule", "dtstart": "dtstart", "exdates": "exdate", "rdates": "rdate"}
        given["recurrence"] = {"type": "rrule", **{ours: given.pop(theirs) for ours, theirs in names.items() if theirs in given}}
    elif "execute_at" not in given:
        members = {name: given.pop(name) for name in ("every_seconds", "every", "anchor") if name in given}
        given["recurrence"] = {"type": "interval", **members}
    return given, None if after is None else _as_written(after)


def _as_written(after: str) -> str:
    return after.replace("+00:00", "Z")


@pytest.mark.parametrize("vector", vectors("hostile.jsonl"), ids=by_name)
def test_a_hostile_schedule_gets_its_answer_at_once(vector: Vector) -> None:
    schedule, after = hostile_schedule(vector)
    answers = vector["expect"].get("either", [vector["expect"]])
    limit = max(1, *(len(expected.get("next", ())) for expected in answers), 1)
    began = perf_counter()

    given = answer(schedule, after, limit)

    # A busy machine may take a multiple of the time; a walk through seconds or years would take a thousandfold.
    assert perf_counter() - began < vector["max_ms"] / 1000 * 10
    assert any(
        given in expected["error_any_of"] if not expected["accept"] else given[: len(expected["next"])] == expected["next"]
        for expected in answers
    )


def test_an_instant_in_a_vector_is_read_as_python_reads_it() -> None:
    assert parse_instant("2024-03-31T01:00:00Z") == instant("2024-03-31T01:00:00Z")
