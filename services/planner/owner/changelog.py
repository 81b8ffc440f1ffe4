"""State <-> changelog records: the one encoding, on the log and in the index alike."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from planner.domain.plan import Cursor, PlanRevision, Receipt, Retired, StateKind
from planner.domain.run import Run
from planner.owner.index import Change, StateKey

INCARNATION_KEY: Final = b"incarnation"
POSITION_KEY: Final = b"position"
BARRIER_KEY: Final = b"barrier"
RUN_KEPT: Final = timedelta(days=7)

State = PlanRevision | Cursor | Run | Receipt | Retired

_ENCODER: Final = msgspec.json.Encoder()
_KIND_OF: Final[dict[type[Any], StateKind]] = {
    PlanRevision: StateKind.DEFINITION,
    Cursor: StateKind.CURSOR,
    Run: StateKind.RUN,
    Receipt: StateKind.RECEIPT,
    Retired: StateKind.RETIRED,
}
_DECODERS: Final[dict[StateKind, msgspec.json.Decoder[Any]]] = {kind: msgspec.json.Decoder(type_) for type_, kind in _KIND_OF.items()}
_WAKES: Final[dict[StateKind, Callable[[Any], datetime | None]]] = {
    StateKind.DEFINITION: lambda _: None,
    StateKind.CURSOR: lambda cursor: cursor.next_due,
    StateKind.RUN: lambda run: run.published_at + RUN_KEPT,
    StateKind.RECEIPT: lambda receipt: receipt.expires_at,
    StateKind.RETIRED: lambda retired: retired.expires_at,
}


@dataclass(frozen=True, slots=True)
class Inputs:
    """The next offset of each input partition that the shard has not taken in yet."""

    commands: int = 0
    reports: int = 0


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
    return Change(StateKey(kind, tenant_id, _id_of(record)), _ENCODER.encode(record), _WAKES[kind](record))


def drop(kind: StateKind, tenant_id: str, record_id: str) -> Change:
    """The change that removes a record: a tombstone on the changelog."""
    return Change(StateKey(kind, tenant_id, record_id), None)


def decode(kind: StateKind, value: bytes) -> Any:  # noqa: ANN401  the kind says which State it is
    """The record that a value of this kind holds."""
    return _DECODERS[kind].decode(value)


def key_bytes(key: StateKey) -> bytes:
    """The record key on the changelog: the kind first, so that two kinds of one id never compact each other."""
    return f"{key.kind}/{key.tenant_id}/{key.id}".encode()


def replayed(key: bytes, value: bytes | None) -> Change | None:
    """The change that a changelog record stands for; None for incarnation, position and barrier."""
    if key in (INCARNATION_KEY, POSITION_KEY, BARRIER_KEY):
        return None
    kind, tenant_id, record_id = key.decode().split("/", 2)
    state_key = StateKey(StateKind(kind), tenant_id, record_id)
    if not value:
        return Change(state_key, None)
    return Change(state_key, value, _WAKES[state_key.kind](decode(state_key.kind, value)))


def _id_of(record: State) -> str:
    match record:
        case Run():
            return record.run_id
        case Receipt():
            return record.id
        case PlanRevision() | Cursor() | Retired():
            return record.plan_id
