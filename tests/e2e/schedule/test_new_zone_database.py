"""A stack that comes back with another zone database, on the same data: what was computed by the old one is computed anew.

The new one knows that on this day São Paulo went an hour ahead and Lagos an hour back, at midnight UTC.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from planner.domain.civil_time import TZDATA_VERSION
from planner.embedded.folders import temporary_folder
from planner.runtime.settings import environment
from planner_contracts.instants import format_instant
from support.api import Api, Document, api_of
from support.outcomes import Outcomes, Skipped, outcomes_of
from support.shifted_clock import shifted_stack
from support.stack import Stack
from support.until import until
from support.zone_files import Change, doctored_tzdata

pytestmark = pytest.mark.timeout(240)

NEW_VERSION: Final = "2099z"
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
MIDNIGHT: Final = datetime(2027, 6, 1, tzinfo=UTC)
SAO_PAULO: Final = "America/Sao_Paulo"
LAGOS: Final = "Africa/Lagos"
ZONES: Final = {
    SAO_PAULO: Change(int(MIDNIGHT.timestamp()), before=-3 * 3600, offset=-2 * 3600),
    LAGOS: Change(int(MIDNIGHT.timestamp()), before=3600, offset=0),
}
BEGIN: Final = MIDNIGHT + timedelta(hours=10, minutes=40)
BACK: Final = MIDNIGHT + timedelta(hours=11, minutes=30)


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The stack with the new database, and the plans that were made with the old one."""

    stack: Stack
    api: Api
    plans: dict[str, str]

    async def recomputed(self, name: str) -> Document:
        plan_id = self.plans[name]
        await until(lambda: self.api.plan(plan_id)["tzdata"] == NEW_VERSION, what=f"{name} is recomputed", within_s=60)
        return self.api.plan(plan_id)

    async def until_next(self, name: str, instant: datetime | None) -> Outcomes:
        """The outcomes, as soon as it is the plan's next time. Null: it has none any more."""
        wanted = None if instant is None else format_instant(instant)
        plan_id = self.plans[name]
        await until(lambda: self.api.plan(plan_id)["next_run_at"] == wanted, what=f"{name} is next due at {wanted}", within_s=60)
        return await outcomes_of(self.stack)


def cron(expression: str, timezone: str, **fields: object) -> Document:
    return {"action": "demo.zones", "recurrence": {"type": "cron", "expression": expression}, "timezone": timezone, **fields}


DEFINITIONS: Final = {
    "earlier": cron("0 15 * * *", SAO_PAULO),
    "later": cron("0 13 * * *", LAGOS),
    "now in the past": cron("0 9 * * *", SAO_PAULO),
    "now too long ago": cron("0 9 * * *", SAO_PAULO, misfire={"max_lateness_seconds": 600}),
    "once": {"action": "demo.zones", "execute_at": "2027-06-01T09:00:00", "timezone": SAO_PAULO},
    "begun": cron("*/2 0-59 11 * * *", LAGOS),
    "of no zone": cron("0 18 * * *", "UTC"),
}


@pytest.fixture(scope="module")
def upgraded() -> Iterator[Upgraded]:
    with temporary_folder() as folder:
        with stack_at(folder, BEGIN, {}) as (_, api):
            plans = {name: api.created(definition)["id"] for name, definition in DEFINITIONS.items()}
            assert api.plan(plans["earlier"])["next_run_at"] == format_instant(MIDNIGHT + 18 * HOUR)
            asyncio.run(api.until_runs(plans["begun"], 2, state="pending", within_s=60))
        first = doctored_tzdata(folder / "other", NEW_VERSION, ZONES)
        path = os.pathsep.join([str(first), *filter(None, [environment().get("PYTHONPATH")])])
        with stack_at(folder, BACK, {"PYTHONPATH": path}) as (stack, api):
            yield Upgraded(stack, api, plans)


@contextmanager
def stack_at(folder: Path, instant: datetime, settings: Mapping[str, str]) -> Iterator[tuple[Stack, Api]]:
    with shifted_stack(folder, instant, "--data", str(folder / "data"), settings=settings) as (stack, _), api_of(stack) as api:
        yield stack, api


@pytest.mark.parametrize(("name", "following"), [("earlier", MIDNIGHT + 17 * HOUR), ("later", MIDNIGHT + 13 * HOUR)])
async def test_a_plan_moves_to_where_the_new_database_has_its_label(upgraded: Upgraded, name: str, following: datetime) -> None:
    plan = await upgraded.recomputed(name)
    assert plan["next_run_at"] == format_instant(following)
    assert (plan["revision"], plan["updated_by"]) == (2, "owner")
    outcomes = await outcomes_of(upgraded.stack)
    assert (outcomes.fires(plan["id"]), outcomes.skips(plan["id"])) == ([], [])


async def test_a_label_that_has_come_to_lie_in_the_past_is_backlog(upgraded: Upgraded) -> None:
    fired, missed = upgraded.plans["now in the past"], upgraded.plans["now too long ago"]
    due = MIDNIGHT + 11 * HOUR
    await upgraded.until_next("now too long ago", due + DAY)
    outcomes = await upgraded.until_next("now in the past", due + DAY)
    assert (outcomes.fires(fired), outcomes.skips(fired)) == ([due], [])
    assert (outcomes.fires(missed), outcomes.skips(missed)) == ([], [Skipped("missed", due, due, 1, None)])


async def test_a_single_time_by_a_label_moves_too(upgraded: Upgraded) -> None:
    outcomes = await upgraded.until_next("once", None)
    assert outcomes.fires(upgraded.plans["once"]) == [MIDNIGHT + 11 * HOUR]


async def test_neither_an_instant_nor_a_label_that_has_had_its_turn_fires_again(upgraded: Upgraded) -> None:
    # By the new database 11:00 to 11:30 in Lagos lie between the cursor and now, before the label of the last that fired, 11:40 or later.
    plan = await upgraded.recomputed("begun")
    outcomes = await outcomes_of(upgraded.stack)
    fires = outcomes.fires(plan["id"])
    assert fires == [fires[0] + number * timedelta(seconds=2) for number in range(len(fires))]
    assert fires[0] > BEGIN and fires[-1] < MIDNIGHT + 11 * HOUR
    assert outcomes.skips(plan["id"]) == []
    assert plan["next_run_at"] == format_instant(fires[-1] + HOUR + timedelta(seconds=2))


async def test_a_plan_of_no_zone_is_left_as_it_is(upgraded: Upgraded) -> None:
    await upgraded.recomputed("earlier")
    plan = upgraded.api.plan(upgraded.plans["of no zone"])
    assert (plan["next_run_at"], plan["tzdata"]) == (format_instant(MIDNIGHT + 18 * HOUR), TZDATA_VERSION)
