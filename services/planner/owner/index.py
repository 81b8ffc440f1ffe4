"""The port to a shard's index: what the changelog says, arranged for reading by due time and by id. It may lose anything at any time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Protocol

from planner.domain.plan import StateKind

FORMAT: Final = 3
OPEN_RUNS_ENOUGH: Final = 3000
"""A look for open runs ends with the plan that brings it to so many: more than a tick can end."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class IndexMovedError(Exception):
    """The index does not stand where the caller does: lost, or moved on by another owner. Nothing was written."""


class IndexDamagedError(IndexMovedError):
    """The index stands where the caller does but is not whole: something in it was lost. It must be built anew."""


class StateKey(NamedTuple):
    """Which record: `<kind>/<tenant>/<id>` is its key on the changelog."""

    kind: StateKind
    tenant_id: str
    id: str


class Change(NamedTuple):
    """A record's new value as it stands on the changelog (None: gone), and its timer's wake-up time (None: no timer)."""

    key: StateKey
    value: bytes | None
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the changelog of one incarnation: the offset of the last record applied, its append time, the inputs taken in."""

    incarnation: str
    offset: int
    appended_at: datetime
    inputs: bytes

    @property
    def marker(self) -> str:
        """What is compared: incarnation, format and offset."""
        return f"{self.incarnation}/{FORMAT}/{self.offset}"


@dataclass(frozen=True, slots=True)
class Found:
    """What stands in the index, whoever wrote it. A `part` other than 0: an apply, or a building, was cut short after that part."""

    marker: str
    part: int
    appended_at: datetime
    inputs: bytes

    def offset_of(self, incarnation: str) -> int | None:
        """The changelog offset, if the marker is of this incarnation and of our format; None too while it was being built."""
        ours, _, offset = self.marker.rpartition("/")
        return int(offset) if ours == f"{incarnation}/{FORMAT}" else None


class DueTimer(NamedTuple):
    """One timer that is due, with its record, and for a plan's timer the definition."""

    key: StateKey
    record: bytes
    definition: bytes | None


@dataclass(frozen=True, slots=True)
class Due:
    """`head` is the earliest wake-up time of all timers, due or not; None without timers."""

    timers: tuple[DueTimer, ...]
    head: datetime | None


@dataclass(frozen=True, slots=True)
class Page:
    """Plans' cursors with their definitions, as many as one look found. `following` is where the next look goes on; 0: that was all."""

    cursors: tuple[DueTimer, ...]
    following: int


class Index(Protocol):
    """One shard's index. Every call has its own deadline, and raises UnavailableError if no answer came in time."""

    async def found(self) -> Found | None:
        """Where the index stands; None if it is empty."""

    async def due(self, at: Position, *, now: datetime, limit: int, page: int = 0, first: int = 0) -> Due:
        """Timers with a wake-up time <= now, at most `limit`: one of each tenant, then a second of each; each tenant's in rising time.

        `page` passes by so many limits. `first` is the number of the tenant to begin with, counted round and round in the order of
        their earliest timers: where `limit`, or the bytes of one read, do not last for all, those after it are served.

        Reads only: the same timers return until their change is applied. Raises IndexMovedError if the index is not at `at`,
        IndexDamagedError if it is not whole.
        """

    async def read(self, at: Position, keys: Sequence[StateKey]) -> Mapping[StateKey, bytes]:
        """The records that exist of these. Raises IndexMovedError if the index is not at `at`, IndexDamagedError if it is not whole."""

    async def open_runs(self, at: Position, plans: Sequence[StateKey], *, limit: int) -> Mapping[StateKey, Sequence[str]]:
        """The ids of open runs of each plan, named by its cursor's key; of one that has more than `limit`, any `limit`.

        The last plans are left out where those before them have OPEN_RUNS_ENOUGH.

        Raises IndexMovedError if the index is not at `at`, IndexDamagedError if it is not whole.
        """

    async def scan(self, at: Position, *, start: int, lacking: Sequence[str]) -> Page:
        """About a hundred plans from a place of the scan on (0 is its beginning), those whose cursor lacks one of the texts.

        What is there throughout a whole scan is found, some of it perhaps twice. Raises like `read`.
        """

    async def apply(self, start: Position | Found, changes: Sequence[Change], to: Position) -> datetime | None:
        """Write the changes in numbered parts, each only if the part before it stands; the last sets `to`. The new head comes back.

        Repeating it is harmless. Raises IndexMovedError if the index is not at `start`, IndexDamagedError if it is not whole; nothing
        more was written then.
        """

    async def build(self, found: Found | None, changes: Sequence[Change], to: Position) -> datetime | None:
        """Replace everything by these changes, guarded like `apply`: another owner's writes fail from the first step on."""


def microseconds(instant: datetime) -> int:
    """The instant as whole microseconds since 1970."""
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(us: int) -> datetime:
    """The instant of so many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=us)
