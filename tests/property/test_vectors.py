"""The published vectors through the preview of the domain: what each kind asks, and what must be answered."""

from time import perf_counter
from typing import Any

import pytest

from planner.domain.errors import DefinitionInvalidError
from planner.domain.preview import preview_definition
from support.vectors import Answer, Case, Vector, cases, hostile_case, hostile_vectors, recurrence_vectors

KINDS = ("cron", "calendar", "interval", "rrule", "local_time", "cron_error")


def answer(request: dict[str, Any]) -> Answer:
    """As `planner preview --json` answers."""
    try:
        return preview_definition(request["schedule"], after=request["after"], limit=request["limit"], plan_id=None).document()
    except DefinitionInvalidError as error:
        return {"error": error.faults[0].model_dump()}


def fault(case: Case) -> str | None:
    return case.fault(answer(case.request))


def test_the_vectors_are_all_there() -> None:
    assert len(recurrence_vectors()) == 1565
    assert {vector["kind"] for vector in recurrence_vectors()} == set(KINDS)
    assert len(hostile_vectors()) == 94


@pytest.mark.parametrize("kind", KINDS)
def test_every_vector_of_a_kind_holds(kind: str) -> None:
    asked = [case for vector in recurrence_vectors(kind) for case in cases(vector)]

    assert asked
    assert [wrong for case in asked if (wrong := fault(case))] == []


@pytest.mark.parametrize("vector", hostile_vectors(), ids=lambda vector: f"{vector['id']} {vector['name']}")
def test_a_hostile_schedule_gets_its_answer_at_once(vector: Vector) -> None:
    case = hostile_case(vector)
    began = perf_counter()

    given = answer(case.request)

    # A busy machine may take a multiple of the time; a walk through seconds or years would take a thousandfold.
    assert perf_counter() - began < vector["max_ms"] / 1000 * 10
    assert case.fault(given) is None


def test_an_answer_that_differs_from_a_vector_is_found() -> None:
    case = next(case for vector in recurrence_vectors("local_time") for case in cases(vector) if case.flags == frozenset({"dst_fold"}))
    given = answer(case.request)
    occurrence = given["occurrences"][0]

    assert case.fault(given) is None
    assert case.fault({"error": {"code": "CRON_SYNTAX", "detail": "no"}}) is not None
    assert case.fault({**given, "occurrences": []}) is not None
    assert case.fault({**given, "occurrences": [{**occurrence, "flags": ["dst_gap"]}]}) is not None
    assert case.fault({**given, "occurrences": [{**occurrence, "local": "2000-01-01T00:00:00+00:00"}]}) is not None
