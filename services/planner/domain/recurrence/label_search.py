"""From labels to instants: the first occurrence of a rule that names labels, in a zone and under a policy (scheduling.md, R4 to R6)."""

from datetime import datetime, timedelta
from typing import Final, Protocol

from planner.domain.civil_time import EPOCH, Dst, Fold, Gap, Segment, instant_of, segment_at
from planner.domain.limits import LAST_INSTANT

DAY_S: Final = 86_400
LAST_SECOND: Final = (LAST_INSTANT - EPOCH).days * DAY_S + DAY_S - 1
# A label may lie on the day after the last instant; none of a later one is of use.
LAST_DAY: Final = LAST_SECOND // DAY_S + 1
# No gap or fold reaches further than this from its change, and no two offsets differ by more.
REACH_S: Final = 2 * DAY_S
_A_SECOND: Final = timedelta(seconds=1)


class Labels(Protocol):
    """A rule that names labels, in seconds since the epoch as if they were UTC."""

    def first_label(self, label: int) -> int | None:
        """The first matching label not before the given one; None if there is none until the end of the last year."""


def second_from(at: datetime) -> int:
    """The first whole second not before the instant."""
    return -((EPOCH - at) // _A_SECOND)


def first_instant(labels: Labels, at: datetime, timezone: str, dst: Dst) -> datetime | None:
    """The first occurrence not before `at`, in the zone and under the policy."""
    second = second_from(at)
    while second <= LAST_SECOND:
        segment = segment_at(timezone, second)
        label = second + segment.offset
        ahead = labels.first_label(label)
        found = _first_in(labels, segment, second, ahead, dst)
        if found is not None:
            return instant_of(found)
        second = segment.stop
        # Labels up to `ahead` do not match, so nothing lies there; but a fold brings back labels from before `label`.
        if label <= segment.first_pass_from:
            if ahead is None:
                return None
            second = max(second, ahead - segment.offset - REACH_S)
    return None


def is_from_gap(labels: Labels, occurrence: datetime, timezone: str, dst: Dst) -> bool:
    """Whether a missing label came to the occurrence, whatever other label did so too."""
    return dst.gap is not Gap.SKIP and missing_label(labels, occurrence, timezone, dst.gap) is not None


def missing_label(labels: Labels, at: datetime, timezone: str, gap: Gap) -> int | None:
    """The first missing label that comes to the instant by a policy, `skip` read as `next_valid`; None where none does."""
    second = second_from(at)
    segment = segment_at(timezone, second)
    if gap is Gap.SHIFT:
        shifted = second + segment.offset_before
        from_label, until = shifted, min(shifted + 1, segment.start + segment.offset)
    elif second == segment.start:
        from_label, until = segment.gap_from, segment.start + segment.offset
    else:
        return None
    label = labels.first_label(from_label) if from_label < until else None
    return label if label is not None and label < until else None


def first_time(hours: int, minutes: int, seconds: int, clock: int) -> int | None:
    """The first time of day, in seconds, that three masks name and that is not before the given one."""
    hour, rest = divmod(clock, 3600)
    minute, second = divmod(rest, 60)
    left = hours >> hour
    if left & 1:
        in_hour = minutes >> minute
        if in_hour & 1 and (in_minute := seconds >> second):
            return clock + lowest(in_minute)
        if in_hour := in_hour >> 1:
            return hour * 3600 + (minute + 1 + lowest(in_hour)) * 60 + lowest(seconds)
    if left := left >> 1:
        return (hour + 1 + lowest(left)) * 3600 + lowest(minutes) * 60 + lowest(seconds)
    return None


def is_leap(year: int) -> bool:
    """Whether the year has 366 days."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def lowest(mask: int) -> int:
    """The number of the lowest bit that is set; there must be one."""
    return (mask & -mask).bit_length() - 1


def _first_in(labels: Labels, segment: Segment, second: int, ahead: int | None, dst: Dst) -> int | None:
    """The first occurrence in the segment that is not before `second`, which lies in it; `ahead` is the first label from there on."""
    label, end = ahead, segment.stop + segment.offset
    if dst.fold is Fold.FIRST and label is not None and label < segment.second_pass_until:
        label = labels.first_label(segment.second_pass_until)
    elif dst.fold is Fold.LAST and segment.first_pass_from < end:
        end = segment.first_pass_from
    found = label - segment.offset if label is not None and label < end else None
    missing = _first_of_gap(labels, segment, second, dst)
    if found is None or (missing is not None and missing < found):
        return missing
    return found


def _first_of_gap(labels: Labels, segment: Segment, second: int, dst: Dst) -> int | None:
    """The first occurrence that a missing label gives after the change with which the segment begins."""
    gap_until = segment.start + segment.offset
    if dst.gap is Gap.SKIP or segment.gap_from == gap_until:
        return None
    shifted = dst.gap is Gap.SHIFT
    if second > segment.start and not shifted:
        return None
    from_label = second + segment.offset_before if shifted else segment.gap_from
    if from_label >= gap_until:
        return None
    label = labels.first_label(from_label)
    if label is None or label >= gap_until:
        return None
    return label - segment.offset_before if shifted else segment.start
