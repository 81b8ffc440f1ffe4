"""Closed forms of what must have happened: written down by whoever made the plans, independent of the domain's code."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError

from planner_contracts.message import Request

EXPECTATIONS_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class OneShot:
    """The plan fires once, for this instant."""

    plan_id: str
    at: datetime

    def must(self) -> Iterator[datetime]:
        """The occurrences that must have ended as an action or a skip."""
        yield self.at

    def may(self, instant: datetime) -> bool:
        """Whether there may be an occurrence then."""
        return instant == self.at


@dataclass(frozen=True, slots=True)
class EveryPeriod:
    """The plan fires at `anchor` + k times `period`: it must from `first` to `last`, both included, it may then up to `open_until`.

    `open_until` None: for as long as the ledger sees, because the plan goes on.
    """

    plan_id: str
    anchor: datetime
    period: timedelta
    first: datetime
    last: datetime
    open_until: datetime | None

    def must(self) -> Iterator[datetime]:
        """The occurrences that must have ended as an action or a skip, in rising order."""
        number = -((self.anchor - self.first) // self.period)
        while (instant := self.anchor + number * self.period) <= self.last:
            yield instant
            number += 1

    def may(self, instant: datetime) -> bool:
        """Whether there may be an occurrence then."""
        on_grid = (instant - self.anchor) % self.period == timedelta(0)
        return on_grid and instant >= self.first and (self.open_until is None or instant <= self.open_until)


Expectation = OneShot | EveryPeriod


class UnreadableExpectationError(ValueError):
    """A line of an expectations file is not one; the message names the line."""


class _OnceLine(Request):
    plan_id: str
    at: AwareDatetime


class _EveryLine(Request):
    plan_id: str
    anchor: AwareDatetime
    every_seconds: Annotated[float, Field(gt=0)]
    first: AwareDatetime
    last: AwareDatetime
    open_until: AwareDatetime | Literal["open"] | None = None


_LINE: TypeAdapter[_OnceLine | _EveryLine] = TypeAdapter(_OnceLine | _EveryLine)


def parse_line(line: str, *, number: int) -> Expectation:
    """One line of a JSON lines file: `{"plan_id","at"}` or `{"plan_id","anchor","every_seconds","first","last","open_until"?}`.

    `open_until`: an instant, or `"open"` where the plan goes on; without it nothing may happen after `last`.
    """
    try:
        given = _LINE.validate_json(line)
    except ValidationError as error:
        raise UnreadableExpectationError(f"line {number}: {error.errors(include_url=False, include_input=False)[0]['msg']}") from None
    if isinstance(given, _OnceLine):
        return OneShot(given.plan_id, given.at)
    open_until = given.last if given.open_until is None else None if given.open_until == "open" else given.open_until
    return EveryPeriod(given.plan_id, given.anchor, timedelta(seconds=given.every_seconds), given.first, given.last, open_until)
