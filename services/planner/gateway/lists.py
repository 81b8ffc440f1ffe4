"""The lists that callers ask for: their parameters, and what those mean."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, WithJsonSchema
from pydantic_core import PydanticCustomError

from planner.domain.limits import FIRST_INSTANT, LAST_INSTANT, TICK
from planner.domain.outcomes import Span
from planner.gateway.pagination import Place, decode_cursor, list_digest
from planner.gateway.problems import ProblemError
from planner_contracts.errors import ErrorCode
from planner_contracts.message import Request
from planner_contracts.plan import LABEL_CHARACTERS_MAX, LABELS_MAX, NAME_CHARACTERS_MAX, PlanStatus
from planner_contracts.plan_command import ScopeId
from planner_contracts.run import RunState, RunTrigger
from planner_contracts.strict_json import text_is_storable

PAGE_MAX: Final = 200
PAGE_DEFAULT: Final = 50
_REPEATABLE: Final = "label"

_RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)\Z", re.ASCII)
# In a query string `+` means a space.
_LOST_PLUS: Final = re.compile(r":\d\d(\.\d+)? \d\d(:?\d\d)?\Z", re.ASCII)
_EXPECTED: Final = "an RFC 3339 instant with its offset is expected"


def _storable(text: str) -> str:
    if not text_is_storable(text):
        raise _invalid("U+0000 cannot be stored")
    return text


def _instant(text: object) -> datetime:
    if isinstance(text, str) and _LOST_PLUS.search(text) is not None:
        raise _invalid(f"{_EXPECTED} (write + as %2B)")
    if not isinstance(text, str) or _RFC_3339.match(text) is None:
        raise _invalid(_EXPECTED)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except OverflowError:
        raise _invalid("the instant lies outside the years 1 to 9999") from None


def _invalid(detail: str) -> PydanticCustomError:
    return PydanticCustomError("invalid", "{detail}", {"detail": detail})


Text = Annotated[str, Field(max_length=NAME_CHARACTERS_MAX), AfterValidator(_storable)]
Moment = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
Label = Annotated[str, Field(max_length=2 * LABEL_CHARACTERS_MAX + 1), AfterValidator(_storable)]
_MOMENT: Final[TypeAdapter[datetime]] = TypeAdapter(Moment)


class PlanSort(StrEnum):
    """The orders of a list of plans; null comes last."""

    CREATED = "created_at"
    CREATED_NEWEST = "-created_at"
    NEXT_RUN = "next_run_at"
    NAME = "name"


def refuse_repeats(given: Iterable[str]) -> None:
    """Raises ProblemError, INVALID_PARAMETER, for a name of a query parameter that stands twice but may not: one of the two would be
    followed, and the caller could not tell which.
    """
    for name, count in Counter(given).items():
        if count > 1 and name != _REPEATABLE:
            raise ProblemError(ErrorCode.INVALID_PARAMETER, f"{name[:40]}: it is given {count} times")


class ForOrganization(Request):
    """The parameters of a call about one plan, or a new one."""

    organization_id: ScopeId | None = None
    """The organization to act for, where the token has several."""


class Page(Request):
    """What every list takes."""

    limit: Annotated[int, Field(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT
    """How many items at most."""

    cursor: str | None = None
    """`next_cursor` of the page before, with the same filters and order."""

    def digest(self) -> str:
        """What the cursors of this list belong to."""
        return list_digest(self.model_dump(exclude={"limit", "cursor"}, mode="json") | {"list": type(self).__name__})


class PlanListParameters(Page):
    """The parameters of `GET /plans`; every filter given must hold."""

    status: PlanStatus | None = None
    action: Text | None = None
    label: Annotated[list[Label], Field(max_length=LABELS_MAX, default_factory=list)]
    """`key:value`; may be repeated, all must hold."""
    organization_id: ScopeId | None = None
    name_prefix: Text | None = None
    created_after: Moment | None = None
    """Exclusive."""
    created_before: Moment | None = None
    """Exclusive."""
    sort: PlanSort = PlanSort.CREATED_NEWEST


class RunListParameters(Page):
    """The parameters of a list of runs; every filter given must hold."""

    state: RunState | None = None
    trigger: RunTrigger | None = None
    action: Text | None = None
    first: Annotated[Moment | None, Field(alias="from")] = None
    """Earliest `scheduled_for`, inclusive."""
    last: Annotated[Moment | None, Field(alias="to")] = None
    """Latest `scheduled_for`, inclusive."""
    organization_id: ScopeId | None = None


class OccurrenceListParameters(Page):
    """The parameters of a list of occurrences."""

    first: Annotated[Moment | None, Field(alias="from")] = None
    """Earliest `scheduled_for`, inclusive."""
    last: Annotated[Moment | None, Field(alias="to")] = None
    """Latest `scheduled_for`, inclusive."""
    organization_id: ScopeId | None = None


class CalendarListParameters(Page):
    """The parameters of a list of holiday lists, which is sorted by name."""


@dataclass(frozen=True, slots=True)
class PlanList:
    """One page of plans. `filters`: name of a filter -> its value; only those that were given."""

    filters: Mapping[str, Any]
    sort: PlanSort
    limit: int
    after: Place | None


@dataclass(frozen=True, slots=True)
class RunList:
    """One page of runs, newest first."""

    filters: Mapping[str, Any]
    limit: int
    after: Place | None


def plan_list(asked: PlanListParameters) -> PlanList:
    """What to read. Raises ProblemError, INVALID_CURSOR or INVALID_PARAMETER."""
    filters: dict[str, Any] = {
        name: getattr(asked, name) for name in ("status", "action", "name_prefix", "created_after", "created_before")
    }
    filters["labels"] = _labels(asked.label) or None
    moments = asked.sort is not PlanSort.NAME
    return PlanList(_given(filters), asked.sort, asked.limit, _place(asked, moments=moments))


def run_list(asked: RunListParameters) -> RunList:
    """What to read. Raises ProblemError, INVALID_CURSOR."""
    filters = {name: getattr(asked, name) for name in ("state", "trigger", "action", "first", "last")}
    return RunList(_given(filters), asked.limit, _place(asked, moments=True))


def occurrence_span(asked: OccurrenceListParameters) -> Span:
    """What to read: what lies behind the page before. Raises ProblemError, INVALID_CURSOR."""
    place = _place(asked, moments=True)
    first = FIRST_INSTANT if asked.first is None else max(asked.first, FIRST_INSTANT)
    if place is not None and place.key is not None:
        first = max(first, moment_of(place.key) + TICK)
    return Span(first, LAST_INSTANT if asked.last is None else min(asked.last, LAST_INSTANT))


def calendars_after(asked: CalendarListParameters) -> str:
    """The name behind which to read. Raises ProblemError, INVALID_CURSOR."""
    place = _place(asked, moments=False)
    return "" if place is None else place.key or ""


def moment_of(key: str) -> datetime:
    """A cursor's key as the instant that it is."""
    return _MOMENT.validate_python(key)


def _place(asked: Page, *, moments: bool) -> Place | None:
    if asked.cursor is None:
        return None
    place = decode_cursor(asked.cursor, asked.digest())
    if moments and place.key is not None:
        try:
            moment_of(place.key)
        except ValueError:
            raise ProblemError(ErrorCode.INVALID_CURSOR, "the cursor is damaged") from None
    return place


def _labels(pairs: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for pair in pairs:
        key, colon, value = pair.partition(":")
        if not colon or labels.setdefault(key, value) != value:
            detail = f"label: {pair[:40]!r} is not key:value, or contradicts another"
            raise ProblemError(ErrorCode.INVALID_PARAMETER, detail)
    return labels


def _given(filters: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in filters.items() if value is not None}
