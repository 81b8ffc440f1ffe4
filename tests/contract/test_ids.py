"""The derived ids as anybody can compute them: pinned, since a change would make every plan and run another one."""

import json
from datetime import UTC, datetime, timedelta, timezone
from importlib.resources import files
from typing import Any, Final
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner_contracts.ids import ACTION_CHARACTERS_MAX, PLAN_ID_NAMESPACE, calendar_id, is_action, is_namespace, is_uuid, plan_id, run_id

COMMAND: Final = "1f0c5a52-9a4e-4f0e-8a53-6d2f0b1c7e01"
PLAN: Final = "0c64b022-5638-5297-b2f8-3a6c471bd90a"
NINE: Final = datetime(2027, 2, 1, 9, tzinfo=UTC)
TEXT: Final = st.text(st.characters(codec="utf-8"), max_size=40)


@pytest.mark.parametrize(("key", "expected"), [("order-4711", PLAN), (COMMAND, "f8321d9b-82a9-5ec9-964c-f17aee7d419b")])
def test_the_id_of_a_plan_is_pinned(key: str, expected: str) -> None:
    assert plan_id("acme", "acme-eu", key) == expected


def test_the_id_of_a_calendar_is_pinned_and_is_no_plan_s() -> None:
    assert calendar_id("acme", "nl") == "27870d80-fc56-5440-a254-335585d4b7bb"
    assert calendar_id("acme", "nl") != plan_id("acme", "calendar", "nl")


@pytest.mark.parametrize(
    ("origin", "scheduled_for", "attempt", "expected"),
    [
        ("schedule", NINE, 1, "dc49c328-2dcd-532c-86da-ade94ee9a93a"),
        ("schedule", NINE + timedelta(microseconds=120_000), 2, "22aa67db-14b7-55d2-a27c-fbbf340c1607"),
        (f"manual:{COMMAND}", NINE, 1, "b07db74b-3b13-5839-a553-3e4555071c1d"),
    ],
)
def test_the_id_of_a_run_is_pinned(origin: str, scheduled_for: datetime, attempt: int, expected: str) -> None:
    assert run_id(PLAN, origin, scheduled_for, attempt) == expected


def test_the_zone_of_an_instant_does_not_change_the_run() -> None:
    assert run_id(PLAN, "schedule", NINE.astimezone(timezone(timedelta(hours=5, minutes=30))), 1) == run_id(PLAN, "schedule", NINE, 1)


@given(TEXT, TEXT, TEXT)
def test_the_id_of_a_plan_is_the_uuid5_of_the_standard_library(tenant: str, organization: str, key: str) -> None:
    assert plan_id(tenant, organization, key) == str(uuid5(PLAN_ID_NAMESPACE, f"{tenant}\n{organization}\n{key}"))


@given(st.uuids(), st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1)), st.integers(1, 20))  # noqa: DTZ001 made aware below
def test_the_id_of_a_run_is_the_uuid5_of_the_standard_library(plan: UUID, at: datetime, attempt: int) -> None:
    name = f"schedule\n{at:%Y-%m-%dT%H:%M:%S.%f}Z\n{attempt}"
    assert run_id(str(plan), "schedule", at.replace(tzinfo=UTC), attempt) == str(uuid5(plan, name))


def test_the_examples_are_of_the_plan_and_the_run_that_the_ids_say() -> None:
    action: dict[str, Any] = json.loads((files("planner_contracts") / "examples/action/ok_scheduled.json").read_text(encoding="utf-8"))
    assert action["plan_id"] == plan_id("acme", "acme-eu", "order-4711")
    assert action["run_id"] == run_id(PLAN, "schedule", datetime.fromisoformat(action["scheduled_for"]), action["attempt"])


@pytest.mark.parametrize("name", ["content.publish", "a", "0", "a-b.c-1", "a" * ACTION_CHARACTERS_MAX])
def test_a_name_that_an_action_may_have(name: str) -> None:
    assert is_action(name)


@pytest.mark.parametrize(
    "name", ["", ".", "a.", "-a", "a..b", "a.-b", "A", "a_b", "a b", "é", "a\n", "٣", "a" * (ACTION_CHARACTERS_MAX + 1)]
)
def test_a_name_that_no_action_may_have(name: str) -> None:
    assert not is_action(name)


@pytest.mark.parametrize(
    ("name", "fits"), [("planner", True), ("p" * 40, True), ("p" * 41, False), ("", False), ("a.b", False), ("a\n", False)]
)
def test_a_namespace_has_1_to_40_plain_characters(name: str, fits: bool) -> None:
    assert is_namespace(name) is fits


@pytest.mark.parametrize(
    ("text", "fits"), [(PLAN, True), (PLAN.upper(), False), (PLAN.replace("-", ""), False), (f"{PLAN}\n", False), ("", False)]
)
def test_a_uuid_has_one_form_only(text: str, fits: bool) -> None:
    assert is_uuid(text) is fits
