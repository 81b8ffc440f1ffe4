"""A stack that was away for two and a half hours: what fell due meanwhile is decided as each plan says, paused plans as `resume` says.

It stops at about ten and is started again at half past twelve, on the same data, with a clock that stands there.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from planner.embedded.folders import temporary_folder
from planner_contracts.instants import format_instant
from support.api import Api, Document, api_of, moment
from support.outcomes import Outcomes, Skipped, expect_recorded, outcomes_of
from support.shifted_clock import shifted_stack
from support.stack import Stack
from support.until import until

pytestmark = pytest.mark.timeout(300)

ACTION: Final = "demo.away"
DECIDED_WITHIN_S: Final = 60


def at(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2027, 6, 1, hour, minute, second, tzinfo=UTC)


BEGIN: Final = at(10, 0)
BACK: Final = at(12, 30, 5)
FIRST: Final = at(10, 10)
"""Of all plans' occurrences: they are made long before, even on a machine that is slow."""
NEXT: Final = at(12, 40)
TEN_MINUTES: Final = timedelta(minutes=10)


def one_each(
    reason: str, first: datetime, last: datetime, *, into: datetime | None = None, every: timedelta = TEN_MINUTES
) -> list[Skipped]:
    count = (last - first) // every + 1
    return [Skipped(reason, instant, instant, 1, into) for instant in (first + number * every for number in range(count))]


def fires(first: datetime, last: datetime) -> list[datetime]:
    return [first + number * TEN_MINUTES for number in range((last - first) // TEN_MINUTES + 1)]


@dataclass(frozen=True, slots=True)
class Case:
    """What a plan says, and what becomes of its occurrences by the decision after the outage. `then`: its next; null, it is completed."""

    plan: Document
    fired: list[datetime]
    skipped: list[Skipped]
    then: datetime | None = NEXT

    @property
    def outcomes(self) -> list[tuple[datetime, datetime, str]]:
        """As the API lists them: the first and the last that each is about, and what became of it."""
        fired = [(instant, instant, "fired") for instant in self.fired]
        return sorted(fired + [(skip.first, skip.last, skip.reason) for skip in self.skipped])


def cron(expression: str, *, ends: datetime | None = None, **fields: object) -> Document:
    bounds = {"starts_at": format_instant(FIRST), "ends_at": None if ends is None else format_instant(ends)}
    return {"action": ACTION, "recurrence": {"type": "cron", "expression": expression}, **bounds, **fields}


def every_ten_minutes(**fields: object) -> Document:
    return cron("*/10 * * * *") | fields


def once(instant: datetime) -> Document:
    return {"action": ACTION, "execute_at": format_instant(instant)}


UNLIMITED: Final[Document] = {"max_lateness_seconds": None}
MISSED: Final = one_each("missed", at(10, 10), at(11, 30))
MINUTE: Final = timedelta(minutes=1)
CASES: Final = {
    "latest": Case(every_ten_minutes(), [at(12, 30)], MISSED + one_each("coalesced", at(11, 40), at(12, 20), into=at(12, 30))),
    "earliest": Case(
        every_ten_minutes(misfire={"coalesce": "earliest"}),
        [at(11, 40)],
        MISSED + one_each("coalesced", at(11, 50), at(12, 30), into=at(11, 40)),
    ),
    "none": Case(every_ten_minutes(misfire={"coalesce": "none"}), fires(at(11, 40), at(12, 30)), MISSED),
    "at most two": Case(
        every_ten_minutes(misfire={"coalesce": "none", "max_catchup": 2}),
        fires(at(12, 20), at(12, 30)),
        MISSED + one_each("catchup_limit", at(11, 40), at(12, 10)),
    ),
    "however late": Case(every_ten_minutes(misfire={"coalesce": "none", **UNLIMITED}), fires(at(10, 10), at(12, 30)), []),
    "three runs at most": Case(
        every_ten_minutes(misfire={"coalesce": "none"}, max_runs=3), fires(at(11, 40), at(12, 0)), MISSED, then=None
    ),
    "once, in its window": Case(once(at(11, 50)), [at(11, 50)], [], then=None),
    "once, too long ago": Case(once(at(11, 20)), [], one_each("missed", at(11, 20), at(11, 20)), then=None),
    "a hundred have a record each": Case(
        cron("* * * * *", ends=at(11, 50), misfire=UNLIMITED),
        [at(11, 50)],
        one_each("coalesced", at(10, 10), at(11, 49), into=at(11, 50), every=MINUTE),
        then=None,
    ),
    "one more are a range": Case(
        cron("* * * * *", ends=at(11, 51), misfire=UNLIMITED),
        [at(11, 51)],
        [Skipped("coalesced", at(10, 10), at(11, 50), 101, at(11, 51))],
        then=None,
    ),
    "thousands that no arithmetic counts": Case(
        cron("* * * * * *", ends=at(12, 20), misfire=UNLIMITED),
        [at(12, 20)],
        [Skipped("coalesced", at(10, 10), at(12, 19, 59), None, at(12, 20))],
        then=None,
    ),
    "thousands of a period": Case(
        cron("", ends=at(12, 20), misfire=UNLIMITED) | {"recurrence": {"type": "interval", "every_seconds": 1}},
        [at(12, 20)],
        [Skipped("coalesced", at(10, 10), at(12, 19, 59), 7800, at(12, 20))],
        then=None,
    ),
}
PAUSED: Final = {
    "skip": Case(every_ten_minutes(), [], one_each("paused", at(10, 10), at(12, 30))),
    "made active": Case(every_ten_minutes(), [], one_each("paused", at(10, 10), at(12, 30))),
    "latest": Case(every_ten_minutes(), [at(12, 30)], MISSED + one_each("coalesced", at(11, 40), at(12, 20), into=at(12, 30))),
    "all": Case(
        every_ten_minutes(misfire={"max_catchup": 2}),
        fires(at(12, 20), at(12, 30)),
        MISSED + one_each("catchup_limit", at(11, 40), at(12, 10)),
    ),
}


# Where the one range ends and the other begins depends on when exactly it is decided.
SECONDS: Final = Case(cron("* * * * * *", ends=at(12, 20)), [at(12, 20)], 2 * one_each("", FIRST, FIRST), then=None)


@dataclass(frozen=True, slots=True)
class Back:
    """The stack after the outage, and the plans that were made before it, by the name of their case."""

    stack: Stack
    api: Api
    plans: Mapping[str, str]
    paused: Mapping[str, str]
    seconds: str

    async def until_decided(self, plan_id: str, case: Case) -> Outcomes:
        """The outcomes of all plans, once this one is where the case has it and the run store has its skips."""

        async def there() -> Outcomes | None:
            if not is_decided(self.api.plan(plan_id), case.then):
                return None
            outcomes = await outcomes_of(self.stack)
            return outcomes if len(outcomes.skips(plan_id)) >= len(case.skipped) else None

        return await until(there, what=f"{plan_id} is decided", within_s=DECIDED_WITHIN_S)


@pytest.fixture(scope="module")
def back() -> Iterator[Back]:
    with temporary_folder() as folder:
        with stack_at(folder, BEGIN) as (_, api):
            plans = {name: api.created(case.plan)["id"] for name, case in CASES.items()}
            paused = {name: api.created(case.plan)["id"] for name, case in PAUSED.items()}
            for plan_id in paused.values():
                api.paused(plan_id)
            seconds = api.created(SECONDS.plan)["id"]
        with stack_at(folder, BACK) as (stack, api):
            yield Back(stack, api, plans, paused, seconds)


@contextmanager
def stack_at(folder: Path, instant: datetime) -> Iterator[tuple[Stack, Api]]:
    with shifted_stack(folder, instant, "--data", str(folder / "data")) as (stack, _), api_of(stack) as api:
        yield stack, api


def is_decided(plan: Document, then: datetime | None) -> bool:
    if then is None:
        return bool(plan["status"] == "completed")
    return plan["next_run_at"] is not None and moment(plan["next_run_at"]) == then


def listed(items: Sequence[Document]) -> list[tuple[datetime, datetime, str]]:
    spans = [(item, item.get("scheduled_for")) for item in items]
    return [(moment(at or item["from"]), moment(at or item["to"]), item["outcome"]) for item, at in spans]


@pytest.mark.parametrize("name", CASES)
async def test_what_was_missed_is_decided_as_the_plan_says(back: Back, name: str) -> None:
    case, plan_id = CASES[name], back.plans[name]
    outcomes = await back.until_decided(plan_id, case)
    assert outcomes.fires(plan_id) == case.fired
    assert outcomes.skips(plan_id) == case.skipped
    assert [moment(run["scheduled_for"]) for run in back.api.runs(plan_id)] == case.fired
    assert listed(back.api.occurrences(plan_id, FIRST, BACK)) == case.outcomes


async def test_an_outage_of_thousands_of_seconds_is_two_ranges_and_one_fire(back: Back) -> None:
    outcomes = await back.until_decided(back.seconds, SECONDS)
    (fired,), (missed, coalesced) = outcomes.fired[back.seconds], outcomes.skips(back.seconds)
    second = timedelta(seconds=1)
    assert (missed.reason, missed.first, missed.count, missed.into) == ("missed", FIRST, None, None)
    assert (coalesced.reason, coalesced.first, coalesced.into) == ("coalesced", missed.last + second, fired.scheduled_for)
    assert (coalesced.last + second, fired.scheduled_for) == (fired.scheduled_for, at(12, 20))
    limit = fired.published_at - timedelta(hours=1)
    assert missed.last < limit <= coalesced.first


@pytest.mark.parametrize("backlog", PAUSED)
async def test_a_paused_plan_does_nothing_until_it_is_resumed_and_then_as_it_is_told(back: Back, backlog: str) -> None:
    case, plan_id = PAUSED[backlog], back.paused[backlog]
    await back.until_decided(back.plans["latest"], CASES["latest"])
    assert back.api.plan(plan_id)["status"] == "paused"
    assert (await outcomes_of(back.stack)).fires(plan_id) == []
    if backlog == "made active":
        back.api.changed(plan_id, {"active": True})
    else:
        back.api.resumed(plan_id, backlog)
    outcomes = await back.until_decided(plan_id, case)
    assert outcomes.fires(plan_id) == case.fired
    assert outcomes.skips(plan_id) == case.skipped
    assert listed(back.api.occurrences(plan_id, FIRST, BACK)) == case.outcomes


async def test_the_run_store_tells_what_the_events_tell(back: Back) -> None:
    for name, plan_id in back.plans.items():
        await back.until_decided(plan_id, CASES[name])
    await expect_recorded(back.stack)
