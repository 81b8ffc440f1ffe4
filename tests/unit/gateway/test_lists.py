"""What the parameters of a list ask for, and the statement that reads it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from planner.domain.limits import FIRST_INSTANT, LAST_INSTANT, TICK
from planner.gateway.caller import Visible
from planner.gateway.conditions import plans_statement, runs_statement
from planner.gateway.lists import (
    CalendarListParameters,
    OccurrenceListParameters,
    Page,
    PlanList,
    PlanListParameters,
    PlanSort,
    RunList,
    RunListParameters,
    calendars_after,
    occurrence_span,
    plan_list,
    refuse_repeats,
    run_list,
)
from planner.gateway.pagination import Place, encode_cursor
from planner.gateway.problems import ProblemError
from planner.gateway.routes_occurrences import ExplainParameters
from planner_contracts.plan import LABELS_MAX, PlanStatus
from planner_contracts.run import RunState, RunTrigger
from support.plans import NOON

ID = "00000000-0000-4000-8000-000000000001"
ACME = Visible("acme", None)
MOMENT = "2026-03-01T12:00:00+00:00"


def following(asked: Page, key: str | None, row: str = ID) -> Page:
    """The page behind this row of the same list."""
    return asked.model_copy(update={"cursor": encode_cursor(Place(key, row), asked.digest())})


def plans(**given: Any) -> PlanListParameters:  # noqa: ANN401  any parameter
    return PlanListParameters.model_validate(given)


def statement(asked: PlanList, visible: Visible = ACME) -> tuple[str, list[Any]]:
    text, arguments = plans_statement("SELECT", visible, asked, encode=json.dumps)
    return " ".join(text.split()), list(arguments)


def test_only_the_filters_that_were_given_are_asked_for() -> None:
    assert plan_list(plans()) == PlanList({}, PlanSort.CREATED_NEWEST, 50, None)
    given = plans(
        status="paused",
        action="a",
        label=["team:growth", "x:1"],
        name_prefix="la",
        created_after=MOMENT,
        created_before="2026-03-02T00:00:00+02:00",
        sort="name",
        limit=7,
    )
    assert plan_list(given) == PlanList(
        {
            "status": PlanStatus.PAUSED,
            "action": "a",
            "name_prefix": "la",
            "created_after": NOON,
            "created_before": datetime(2026, 3, 1, 22, tzinfo=UTC),
            "labels": {"team": "growth", "x": "1"},
        },
        PlanSort.NAME,
        7,
        None,
    )
    asked = RunListParameters.model_validate({"state": "failed", "trigger": "manual", "action": "a", "from": MOMENT, "to": MOMENT})
    filters = {"state": RunState.FAILED, "trigger": RunTrigger.MANUAL, "action": "a", "first": NOON, "last": NOON}
    assert run_list(asked) == RunList(filters, 50, None)


@pytest.mark.parametrize("labels", [["team"], ["team:a", "team:b"], [""]])
def test_a_label_that_is_no_pair_or_contradicts_another_is_refused(labels: list[str]) -> None:
    with pytest.raises(ProblemError, match="INVALID_PARAMETER"):
        plan_list(plans(label=labels))


def test_a_label_may_stand_twice_and_its_value_hold_colons_or_be_empty() -> None:
    assert plan_list(plans(label=["a:b:c", "a:b:c", "d:"])).filters["labels"] == {"a": "b:c", "d": ""}


@pytest.mark.parametrize(
    "given",
    [
        {"limit": 0},
        {"limit": 201},
        {"status": "dreaming"},
        {"action": "x\x00"},
        {"name_prefix": "x" * 201},
        {"label": ["a:\x00"]},
        {"label": [f"l{number}:1" for number in range(LABELS_MAX + 1)]},
        {"sort": "color"},
        {"created_after": "2026-03-01"},
        {"created_after": "2026-03-01T12:00:00"},
        {"created_after": "0001-01-01T00:00:00+01:00"},
        {"organization_id": "a/b"},
        {"color": "red"},
    ],
)
def test_a_parameter_that_means_nothing_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        plans(**given)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        (PlanListParameters, "created_after"),
        (RunListParameters, "from"),
        (OccurrenceListParameters, "to"),
        (ExplainParameters, "at"),
    ],
)
def test_a_plus_that_became_a_space_is_told_how_to_write(asked: type[BaseModel], name: str) -> None:
    with pytest.raises(ValidationError, match=r"offset is expected \(write \+ as %2B\)"):
        asked.model_validate({name: "2026-11-26T02:30:00 01:00"})
    asked.model_validate({name: "2026-11-26T02:30:00+01:00"})


@pytest.mark.parametrize("text", ["2026-03-01T12:00:00", "2026-03-01 12:00", "2026-03-01 12:00:00Z"])
def test_only_a_lost_plus_is_told_so(text: str) -> None:
    with pytest.raises(ValidationError, match="offset is expected") as refused:
        plans(created_after=text)
    assert "%2B" not in str(refused.value)


def test_only_a_label_may_be_asked_for_twice() -> None:
    refuse_repeats(["label", "label", "limit", "sort"])
    for given in (["limit", "sort", "limit"], ["label", "sort", "sort", "sort"]):
        with pytest.raises(ProblemError, match=rf"{given[-1]}: it is given {given.count(given[-1])} times"):
            refuse_repeats(given)


def test_a_cursor_leads_behind_its_row_in_the_list_that_gave_it_whatever_the_size_of_the_page() -> None:
    asked = plans(status="active", limit=10)
    assert plan_list(plans(status="active", limit=20, cursor=following(asked, MOMENT).cursor)).after == Place(MOMENT, ID)
    for other in (plans(status="paused"), plans(status="active", sort="name"), plans(status="active", label=["a:1"])):
        with pytest.raises(ProblemError, match="INVALID_CURSOR"):
            plan_list(other.model_copy(update={"cursor": following(asked, MOMENT).cursor}))


def test_a_cursor_of_a_list_of_plans_is_none_of_a_list_of_runs() -> None:
    with pytest.raises(ProblemError, match="INVALID_CURSOR"):
        run_list(RunListParameters(cursor=following(plans(), MOMENT).cursor))


def test_a_cursor_whose_moment_is_none_is_damaged_and_one_of_a_name_need_be_none() -> None:
    with pytest.raises(ProblemError, match="INVALID_CURSOR"):
        plan_list(plans(cursor=following(plans(), "launch").cursor))
    with pytest.raises(ProblemError, match="INVALID_CURSOR"):
        run_list(RunListParameters(cursor=following(RunListParameters(), "launch").cursor))
    with pytest.raises(ProblemError, match="INVALID_CURSOR"):
        occurrence_span(OccurrenceListParameters(cursor=following(OccurrenceListParameters(), "launch").cursor))
    assert plan_list(plans(sort="name", cursor=following(plans(sort="name"), "launch").cursor)).after == Place("launch", ID)
    assert plan_list(plans(sort="next_run_at", cursor=following(plans(sort="next_run_at"), None).cursor)).after == Place(None, ID)


def test_occurrences_are_looked_for_within_the_years_that_there_are_and_behind_the_page_before() -> None:
    def span(**given: str) -> tuple[datetime, datetime]:
        found = occurrence_span(OccurrenceListParameters.model_validate(given))
        return found.first, found.last

    assert span() == (FIRST_INSTANT, LAST_INSTANT)
    assert span(**{"from": "1900-01-01T00:00:00Z", "to": "2500-01-01T00:00:00Z"}) == (FIRST_INSTANT, LAST_INSTANT)
    assert span(**{"from": MOMENT, "to": "2026-03-02T12:00:00Z"}) == (NOON, NOON + timedelta(days=1))
    asked = OccurrenceListParameters.model_validate({"from": MOMENT})
    for key, first in ((MOMENT, NOON + TICK), ("2026-02-01T00:00:00Z", NOON)):
        page = following(asked, key)
        assert isinstance(page, OccurrenceListParameters)
        assert occurrence_span(page).first == first


def test_holiday_lists_are_read_from_the_first_name_on_or_behind_the_last_one_shown() -> None:
    asked = CalendarListParameters()
    assert calendars_after(asked) == ""
    page = following(asked, "nl")
    assert isinstance(page, CalendarListParameters)
    assert calendars_after(page) == "nl"


def test_a_list_of_plans_is_read_with_one_row_more_than_its_page_and_values_as_parameters_only() -> None:
    asked = PlanList({"status": "active", "labels": {"a": "'; DROP"}, "name_prefix": "l"}, PlanSort.CREATED_NEWEST, 50, None)
    text, arguments = statement(asked, Visible("acme", ("eu", "us")))
    assert text == (
        "SELECT WHERE tenant_id = $1 AND organization_id = ANY($2::text[]) AND status = $3 AND labels @> $4::jsonb"
        " AND starts_with(name, $5) ORDER BY created_at DESC, id DESC LIMIT $6"
    )
    assert arguments == ["acme", ["eu", "us"], "active", '{"a": "\'; DROP"}', "l", 51]


def test_plans_are_read_by_action_and_between_two_moments_exclusive() -> None:
    text, arguments = statement(PlanList({"action": "a", "created_after": NOON, "created_before": NOON}, PlanSort.NAME, 1, None))
    assert "action = $2 AND created_at > $3 AND created_at < $4 ORDER BY name ASC, id ASC LIMIT $5" in text
    assert arguments == ["acme", "a", NOON, NOON, 2]


@pytest.mark.parametrize(
    ("sort", "key", "condition", "order"),
    [
        (PlanSort.CREATED, MOMENT, "((created_at, id) > ($2, $3) OR created_at IS NULL)", "created_at ASC, id ASC"),
        (PlanSort.CREATED_NEWEST, MOMENT, "((created_at, id) < ($2, $3))", "created_at DESC, id DESC"),
        (PlanSort.NEXT_RUN, MOMENT, "((next_run_at, id) > ($2, $3) OR next_run_at IS NULL)", "next_run_at ASC, id ASC"),
        (PlanSort.NEXT_RUN, None, "(next_run_at IS NULL AND id > $2)", "next_run_at ASC, id ASC"),
        (PlanSort.NAME, "launch", "((name, id) > ($2, $3) OR name IS NULL)", "name ASC, id ASC"),
    ],
)
def test_a_page_goes_on_behind_its_place_and_what_is_null_comes_last(sort: PlanSort, key: str | None, condition: str, order: str) -> None:
    text, arguments = statement(PlanList({}, sort, 2, Place(key, ID)))
    assert text == f"SELECT WHERE tenant_id = $1 AND {condition} ORDER BY {order} LIMIT ${len(arguments)}"
    assert arguments == ["acme", *([] if key is None else [key if sort is PlanSort.NAME else NOON]), ID, 3]


def test_runs_are_read_newest_first_between_both_moments_inclusive() -> None:
    filters = {"state": "failed", "trigger": "manual", "action": "a", "first": NOON, "last": NOON}
    text, arguments = runs_statement("SELECT", ACME, ID, RunList(filters, 5, Place(MOMENT, ID)))
    assert " ".join(text.split()) == (
        "SELECT WHERE tenant_id = $1 AND plan_id = $2 AND state = $3 AND trigger = $4 AND action = $5 AND scheduled_for >= $6"
        " AND scheduled_for <= $7 AND ((scheduled_for, id) < ($8, $9)) ORDER BY scheduled_for DESC, id DESC LIMIT $10"
    )
    assert list(arguments) == ["acme", ID, "failed", "manual", "a", NOON, NOON, NOON, ID, 6]
