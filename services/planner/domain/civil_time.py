"""Zones, gaps and folds: the one file that touches zoneinfo. The names and the data are those of the pinned tzdata wheel."""

import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import timezone as fixed_offset
from enum import StrEnum
from functools import cache, lru_cache
from importlib import import_module
from importlib.resources import files
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

# Before any zone is read: else the host's files win over the pinned ones, silently.
zoneinfo.reset_tzpath(to=())

TZDATA_VERSION: Final[str] = import_module("tzdata").IANA_VERSION
# `Factory` stands for a clock that nobody has set.
ZONE_NAMES: Final = frozenset(files("tzdata").joinpath("zones").read_text(encoding="ascii").split()) - {"Factory"}

# The names of UTC itself.
UTC_NAMES: Final = frozenset(("UTC", "UCT", "Universal", "Zulu", "Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu"))

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_LABEL: Final = datetime(1970, 1, 1)  # noqa: DTZ001  a label has no zone
_SECOND: Final = timedelta(seconds=1)
_DAY_S: Final = 86_400
# No two changes of one zone lie within it, the nearest are nearly a week apart; no gap or fold is longer than a day. A test looks at all.
_PROBE_S: Final = 3 * _DAY_S
_PROBE: Final = timedelta(seconds=_PROBE_S)
_MARGIN_S: Final = 3 * _DAY_S
_NEVER: Final = 1 << 62


class Gap(StrEnum):
    """What a missing label becomes: the first instant after the change, the label at the offset before it, nothing, an error."""

    NEXT_VALID = "next_valid"
    SHIFT = "shift"
    SKIP = "skip"
    REJECT = "reject"


class Fold(StrEnum):
    """Which pass of a repeated label counts."""

    FIRST = "first"
    LAST = "last"
    BOTH = "both"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Dst:
    """What becomes of missing and of repeated labels."""

    gap: Gap
    fold: Fold


class LabelKind(StrEnum):
    """How often a label happens in a zone."""

    UNIQUE = "unique"
    MISSING = "missing"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True)
class Segment:
    """Instants `start <= t < stop` of one offset. All in seconds since the epoch; labels as if they were UTC.

    `start` is the change before, `stop` the next one or the end of the year. Labels from `gap_from` up to the first of the
    segment are missing. Labels below `second_pass_until` have passed before, those from `first_pass_from` on will pass again.
    """

    start: int
    stop: int
    offset: int
    offset_before: int
    gap_from: int
    second_pass_until: int
    first_pass_from: int


def second_of(label: datetime) -> int:
    """A whole-second label as seconds since the epoch, as if it were UTC."""
    return (label - _EPOCH_LABEL) // _SECOND


def instant_of(second: int) -> datetime:
    """The instant so many seconds after the epoch."""
    return EPOCH + timedelta(seconds=second)


def local(instant: datetime, timezone: str) -> datetime:
    """The same instant with the zone's label and offset, as a fixed offset: arithmetic on it is of instants."""
    there = instant.astimezone(_zone(timezone))
    offset = there.utcoffset()
    assert offset is not None
    return there.replace(tzinfo=fixed_offset(offset), fold=0)


def offset_at(instant: datetime, timezone: str) -> timedelta:
    """The zone's offset from UTC at the instant."""
    return timedelta(seconds=_offset_s(_zone(timezone), (instant - EPOCH) // _SECOND))


def kind_of(label: datetime, timezone: str) -> LabelKind:
    """Whether the label happens once, never or twice in the zone."""
    first, last = _readings(label, timezone)
    if first == last:
        return LabelKind.UNIQUE
    return LabelKind.MISSING if first > last else LabelKind.REPEATED


def candidates(label: datetime, timezone: str) -> tuple[datetime, datetime]:
    """The two instants a repeated label may mean, or for a missing one those of `next_valid` and `shift`. Rising."""
    first, last = _readings(label, timezone)
    if first > last:
        # Read with the offset before the change, the label lies in the segment that the change opens.
        return instant_of(segment_at(timezone, first).start), instant_of(first)
    return instant_of(first), instant_of(last)


def resolve(label: datetime, timezone: str, dst: Dst) -> datetime:
    """The instant that stands for the label. `skip` and `reject` are read as `next_valid` and `first`: refusing is the caller's part."""
    earlier, later = candidates(label, timezone)
    if kind_of(label, timezone) is LabelKind.MISSING:
        return later if dst.gap is Gap.SHIFT else earlier
    return later if dst.fold is Fold.LAST else earlier


def segment_at(timezone: str, second: int) -> Segment:
    """The segment of the zone's time that holds the instant."""
    return next(segment for segment in _segments(timezone, _year_of(second)) if second < segment.stop)


@cache
def _zone(timezone: str) -> ZoneInfo:
    assert timezone in ZONE_NAMES
    return ZoneInfo(timezone)


def _readings(label: datetime, timezone: str) -> tuple[int, int]:
    """The label as an instant, read with its first and with its second offset (PEP 495)."""
    zone = _zone(timezone)
    second = second_of(label)
    offsets = (label.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    first, last = (second - offset // _SECOND for offset in offsets if offset is not None)
    return first, last


def _year_of(second: int) -> int:
    return (EPOCH + timedelta(seconds=second)).year


def _offset_s(zone: ZoneInfo, second: int) -> int:
    offset = (EPOCH + timedelta(seconds=second)).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // _SECOND


@lru_cache(maxsize=8192)
def _segments(timezone: str, year: int) -> tuple[Segment, ...]:
    """The segments of one UTC year, rising. A change shortly before or after the year is known to those at its ends."""
    first, end = (second_of(datetime(y, 1, 1)) for y in (year, year + 1))  # noqa: DTZ001  a label has no zone
    changes = _changes(_zone(timezone), first - _MARGIN_S, end + _MARGIN_S)
    segments = []
    for (start, before, offset), (stop, _, following) in pairwise(changes):
        if start < end and stop > first:
            segments.append(
                Segment(
                    start=start,
                    stop=min(stop, end),
                    offset=offset,
                    offset_before=before,
                    gap_from=start + min(before, offset),
                    second_pass_until=start + before if before > offset else -_NEVER,
                    first_pass_from=stop + following if following < offset else _NEVER,
                )
            )
    return tuple(segments)


def _changes(zone: ZoneInfo, first: int, end: int) -> list[tuple[int, int, int]]:
    """(instant, offset before, offset from it on) of every change of offset in the range; its two ends stand at both ends of the list."""
    offset = _offset_s(zone, first)
    changes = [(first, offset, offset)]
    # Years are looked through with what `fromutc` takes, UTC's fields in the zone's name: a tenth of the cost of going by seconds.
    probe = instant_of(first).replace(tzinfo=zone)
    ahead = zone.fromutc(probe) - probe
    for second in range(first + _PROBE_S, end + _PROBE_S, _PROBE_S):
        probe += _PROBE
        probed = zone.fromutc(probe) - probe
        if probed != ahead:
            changes.append((_change_between(zone, second - _PROBE_S, second), ahead // _SECOND, probed // _SECOND))
            ahead = probed
    if changes[-1][0] >= end:
        del changes[-1]
    offset = changes[-1][2]
    changes.append((end, offset, offset))
    return changes


def _change_between(zone: ZoneInfo, before: int, after: int) -> int:
    offset = _offset_s(zone, before)
    while after - before > 1:
        middle = (before + after) // 2
        if _offset_s(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after
