"""State <-> changelog records: the one encoding, on the log and in the index alike."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Final

import msgspec

from planner.domain.plan import CalendarState, Cursor, PlanRevision, Receipt, Retired, StateKind
from planner.domain.run import Run, wake_of
from planner.owner.index import Change, StateKey
from planner.runtime.incarnation import INCARNATION_KEY
from planner_contracts.ids import PlanId

POSITION_KEY: Final = b"position"
BARRIER_KEY: Final = b"barrier"

UNREADABLE: Final = (msgspec.MsgspecError, ValueError)
"""What reading a record raises that another version wrote; the latter for text that is not UTF-8."""

State = PlanRevision | Cursor | Run | Receipt | Retired | CalendarState

_ENCODER: Final = msgspec.json.Encoder()
_KIND_OF: Final[dict[type[Any], StateKind]] = {
    PlanRevision: StateKind.DEFINITION,
    Cursor: StateKind.CURSOR,
    Run: StateKind.RUN,
    Receipt: StateKind.RECEIPT,
    Retired: StateKind.RETIRED,
    CalendarState: StateKind.CALENDAR,
}
_DECODERS: Final[dict[StateKind, msgspec.json.Decoder[Any]]] = {kind: msgspec.json.Decoder(type_) for type_, kind in _KIND_OF.items()}
_ID_OF: Final[dict[StateKind, Callable[[Any], str]]] = {
    StateKind.DEFINITION: attrgetter("plan_id"),
    StateKind.CURSOR: attrgetter("plan_id"),
    StateKind.RUN: attrgetter("run_id"),
    StateKind.RECEIPT: attrgetter("id"),
    StateKind.RETIRED: attrgetter("plan_id"),
    StateKind.CALENDAR: attrgetter("name"),
}
_WAKES: Final[dict[StateKind, Callable[[Any], datetime | None]]] = {
    StateKind.DEFINITION: lambda _: None,
    StateKind.CURSOR: attrgetter("wake_at"),
    StateKind.RUN: attrgetter("wake_at"),
    StateKind.RECEIPT: attrgetter("expires_at"),
    StateKind.RETIRED: attrgetter("expires_at"),
    StateKind.CALENDAR: lambda _: None,
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """The next offset of each input partition that the shard has not taken in yet.

    `tzdata`: the version of the zone database that every plan's next occurrence has been computed with. `replans`: a holiday list has
    changed, and not every plan that uses one has been looked at since.
    """

    commands: int = 0
    reports: int = 0
    tzdata: str = ""
    replans: bool = False


@dataclass(frozen=True, slots=True)
class RunHead:
    """What is needed of a run to let it go in time, whatever else its record says."""

    plan_id: PlanId
    open: bool = True
    published_at: datetime | None = None

    @property
    def wake_at(self) -> datetime | None:
        """Where the timer of the whole run stands."""
        return None if self.published_at is None else wake_of(self.published_at, is_open=self.open)


_RUN_HEAD: Final = msgspec.json.Decoder(RunHead)
_INPUTS: Final = msgspec.json.Decoder(Inputs)


def encode_inputs(inputs: Inputs) -> bytes:
    """The value of the position record."""
    return _ENCODER.encode(inputs)


def decode_inputs(value: bytes) -> Inputs:
    """The inputs in a position record; the beginning of both topics where there has been none."""
    return _INPUTS.decode(value) if value else Inputs()


def put(tenant_id: str, record: State) -> Change:
    """The change that writes a record."""
    kind = _KIND_OF[type(record)]
    return Change(StateKey(kind, tenant_id, _ID_OF[kind](record)), _ENCODER.encode(record), _WAKES[kind](record))


def drop(kind: StateKind, tenant_id: str, record_id: str) -> Change:
    """The change that removes a record: a tombstone on the changelog."""
    return Change(StateKey(kind, tenant_id, record_id), None)


def decode(kind: StateKind, value: bytes) -> Any:  # noqa: ANN401  the kind says which State it is
    """The record that a value of this kind holds."""
    return _DECODERS[kind].decode(value)


def run_head(value: bytes) -> RunHead | None:
    """The head of a run's record, be it of another version; None where it has none."""
    try:
        return _RUN_HEAD.decode(value)
    except UNREADABLE:
        return None


def readable(kind: StateKind, value: bytes) -> Any | None:  # noqa: ANN401  the kind says which State it is
    """The record, or None where this version cannot read it: that stops its plan or run, and nothing else."""
    try:
        return decode(kind, value)
    except UNREADABLE:
        return None


def key_bytes(key: StateKey) -> bytes:
    """The record key on the changelog: the kind first, so that two kinds of one id never compact each other."""
    return "/".join(key).encode()


def replayed(key: bytes, value: bytes | None) -> Change | None:
    """The change that a changelog record stands for; None for incarnation, position and barrier.

    One that cannot be read keeps its place without a timer, for a version that can; but a run has its timer all the same, or its
    plan would wait for it for ever.
    """
    if key in (INCARNATION_KEY, POSITION_KEY, BARRIER_KEY):
        return None
    kind, tenant_id, record_id = key.decode().split("/", 2)
    state_key = StateKey(StateKind(kind), tenant_id, record_id)
    if not value:
        return Change(state_key, None)
    if state_key.kind is StateKind.DEFINITION:
        return Change(state_key, value)
    record = readable(state_key.kind, value)
    if record is None and state_key.kind is StateKind.RUN:
        record = run_head(value)
    return Change(state_key, value, None if record is None else _WAKES[state_key.kind](record))
