"""Plans across a change of offset, on a stack whose clock runs through it: they fire as previewed, each occurrence once."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from planner.embedded.folders import temporary_folder
from planner.ledger.history import Fired
from planner.ledger.kafka_history import read_actions
from planner.runtime.kafka import KafkaConnection
from planner_contracts.instants import format_instant
from support.api import Api, Document, api_of, moment
from support.shifted_clock import stack_before
from support.stack import PLANNER, Stack
from support.until import until

pytestmark = pytest.mark.timeout(300)

BEFORE_S: Final = 3
AFTER_S: Final = 9
EVERY_3_S: Final = (-3, 0, 3, 6, 9)
ORDINARY: Final = timedelta(minutes=1)
CREATED_WITHIN: Final = timedelta(seconds=6)


@dataclass(frozen=True, slots=True)
class Case:
    """A schedule, and the seconds after the change at which it fires, from 3 before it to 9 after it."""

    schedule: Document
    fires: tuple[int, ...]

    def definition(self, change: "Change") -> Document:
        """A plan that completes with the last of its fires; one that has none here, or is due once, has no other bounds."""
        bounds = {"starts_at": change.after(-BEFORE_S), "ends_at": change.after(AFTER_S)}
        bounded = self.fires and "recurrence" in self.schedule
        return {"timezone": change.timezone, **self.schedule, **(bounds if bounded else {})}


@dataclass(frozen=True, slots=True)
class Change:
    timezone: str
    at: datetime
    cases: tuple[Case, ...]

    def after(self, seconds: float) -> str:
        return format_instant(self.at + timedelta(seconds=seconds))


def cron(expression: str, **dst: str) -> Document:
    return {"recurrence": {"type": "cron", "expression": expression}, **({"dst": dst} if dst else {})}


def rrule(rule: str, dtstart: str, **dst: str) -> Document:
    return {"recurrence": {"type": "rrule", "rule": rule, "dtstart": dtstart}, **({"dst": dst} if dst else {})}


def calendar(hour: str, minute: str, second: str, **dst: str) -> Document:
    fields = {"type": "calendar", "hour": hour, "minute": minute, "second": second}
    return {"recurrence": fields, **({"dst": dst} if dst else {})}


def interval(seconds: int, anchor: str) -> Document:
    return {"recurrence": {"type": "interval", "every_seconds": seconds, "anchor": anchor}}


SPRING: Final = Change(
    # 02:00 becomes 03:00.
    "Europe/Amsterdam",
    datetime(2027, 3, 28, 1, tzinfo=UTC),
    (
        Case(cron("30 2 * * *"), (0,)),
        Case(cron("*/20 30 2 * * *"), (0,)),
        Case(cron("5 0 2 * * *", gap="shift"), (5,)),
        Case(cron("5 0 2 * * *", gap="skip"), ()),
        Case(cron("4 0 3 * * *"), (4,)),
        Case(cron("*/3 * * * * *"), EVERY_3_S),
        Case(cron("*/3 * 2 * * *"), ()),
        Case(cron("*/3 * 3 * * *"), (0, 3, 6, 9)),
        Case(interval(3, "2027-03-28T00:58:20Z"), (-1, 2, 5, 8)),
        Case(rrule("FREQ=DAILY", "2027-03-01T02:00:07"), (7,)),
        Case(rrule("FREQ=DAILY", "2027-03-01T02:00:07", gap="next_valid"), (0,)),
        Case(rrule("FREQ=SECONDLY;INTERVAL=4", "2027-03-28T01:00:00"), (0, 4, 8)),
        Case(calendar("2", "0", "6"), (0,)),
        Case(calendar("2", "0", "6", gap="shift"), (6,)),
        Case({"execute_at": "2027-03-28T02:00:08", "dst": {"gap": "shift"}}, (8,)),
    ),
)
AUTUMN: Final = Change(
    # 02:00 becomes 01:00.
    "America/New_York",
    datetime(2027, 11, 7, 6, tzinfo=UTC),
    (
        Case(cron("58 59 1 * * *"), (-2,)),
        Case(cron("58 59 1 * * *", fold="last"), ()),
        Case(cron("3 0 1 * * *"), ()),
        Case(cron("3 0 1 * * *", fold="last"), (3,)),
        Case(cron("58,3 59,0 1 * * *", fold="both"), (-2, 3)),
        Case(cron("*/3 * * * * *"), EVERY_3_S),
        Case(cron("*/3 * 1 * * *"), EVERY_3_S),
        Case(cron("*/3 * 2 * * *"), ()),
        Case(interval(3, "2027-11-07T05:58:20Z"), (-1, 2, 5, 8)),
        Case(rrule("FREQ=DAILY", "2027-11-01T01:00:07"), ()),
        Case(rrule("FREQ=DAILY", "2027-11-01T01:00:07", fold="last"), (7,)),
        Case(rrule("FREQ=SECONDLY;INTERVAL=4", "2027-11-07T00:00:00"), (0, 4, 8)),
        Case(calendar("1", "0", "*/4", fold="both"), (0, 4, 8)),
        Case({"execute_at": "2027-11-07T01:00:06", "dst": {"fold": "last"}}, (6,)),
    ),
)


@pytest.mark.parametrize("change", [SPRING, AUTUMN], ids=["spring", "autumn"])
async def test_plans_fire_across_a_change_of_offset_as_previewed(change: Change) -> None:
    expected = [[change.at + timedelta(seconds=second) for second in case.fires] for case in change.cases]
    assert previewed(change) == expected
    first = change.at - timedelta(seconds=BEFORE_S)
    with temporary_folder() as folder, stack_before(folder, first, lead=CREATED_WITHIN) as (stack, clock), api_of(stack) as api:
        plans = [api.created({"action": "demo.change", **case.definition(change)})["id"] for case in change.cases]
        assert clock.now() < first, "the plans were not made in time"
        ending = {plan for plan, case in zip(plans, change.cases, strict=True) if case.fires}
        await until(lambda: not ending & still_active(api), what="all plans are completed", within_s=60)
        fired = await actions(stack)
    assert [[action.scheduled_for for action in fired if action.plan_id == plan] for plan in plans] == expected
    assert all(timedelta(0) <= action.published_at - action.due_at < ORDINARY for action in fired)
    # Kafka's clock has the same shift.
    assert all(abs(action.appended_at - action.published_at) < ORDINARY for action in fired)


def previewed(change: Change) -> list[list[datetime]]:
    """What `planner preview --json` says of each case, within the seconds that are watched."""
    asked = [{"schedule": case.definition(change), "after": change.after(-BEFORE_S - 0.5)} for case in change.cases]
    lines = "".join(json.dumps(request) + "\n" for request in asked)
    told = subprocess.run([PLANNER, "preview", "--json"], input=lines, capture_output=True, text=True, check=True, timeout=60)
    end = change.at + timedelta(seconds=AFTER_S)
    return [[at for at in instants(json.loads(line)["occurrences"]) if at <= end] for line in told.stdout.splitlines()]


def instants(occurrences: Sequence[dict[str, Any]]) -> list[datetime]:
    return [moment(occurrence["scheduled_for"]) for occurrence in occurrences]


def still_active(api: Api) -> set[str]:
    return {plan["id"] for plan in api.plans(status="active")}


async def actions(stack: Stack) -> list[Fired]:
    """All that was committed; of each plan in the order of its partition."""
    fired, unreadable = await read_actions(KafkaConnection(bootstrap=stack.ready["kafka"]), stack.ready["namespace"])
    assert not unreadable
    return fired
