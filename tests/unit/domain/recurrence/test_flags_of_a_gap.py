"""Which occurrences a missing label gives, and where dates of an RRULE lie when the clock changes (scheduling.md, R6, R9 and section 7)."""

from datetime import datetime, timedelta

import pytest

from planner.domain import civil_time
from planner.domain.civil_time import Dst, Fold, Gap, LabelKind
from planner.domain.preview import Asked, Flag, preview
from planner.domain.schedule import Schedule
from support.schedules import a_cron, a_rrule, a_schedule, fires, instant

AMSTERDAM, NEW_YORK, LORD_HOWE = "Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe"
# The day before a change forward, in each zone: by an hour, by an hour, by half an hour.
SPRING = {AMSTERDAM: "2026-03-28T12:00:00Z", NEW_YORK: "2026-03-07T17:00:00Z", LORD_HOWE: "2026-10-03T06:00:00Z"}
TENS = ",".join(str(minute) for minute in range(0, 60, 10))


def from_gap(schedule: Schedule, after: str, limit: int) -> list[tuple[datetime, bool]]:
    shown = preview(schedule, Asked(instant(after), limit), runs_left=None).occurrences
    return [(found.scheduled_for, Flag.DST_GAP in found.flags) for found in shown]


def by_the_book(hours: list[int], zone: str, gap: Gap) -> list[tuple[datetime, bool]]:
    """Of a rule of every ten minutes of these hours on two days: the instants, and whether a missing label comes to each."""
    midnight = civil_time.local(instant(SPRING[zone]), zone).replace(tzinfo=None, hour=0, minute=0, second=0)
    found: dict[datetime, bool] = {}
    for number in range(2 * 24 * 6):
        label = midnight + timedelta(minutes=10 * number)
        if label.hour not in hours:
            continue
        missing = civil_time.kind_of(label, zone) is LabelKind.MISSING
        if not (missing and gap is Gap.SKIP):
            at = civil_time.resolve(label, zone, Dst(gap, Fold.FIRST))
            found[at] = found.get(at, False) or missing
    return sorted((at, missing) for at, missing in found.items() if at > instant(SPRING[zone]))


@pytest.mark.parametrize("zone", SPRING)
@pytest.mark.parametrize("gap", [Gap.NEXT_VALID, Gap.SHIFT, Gap.SKIP])
@pytest.mark.parametrize("hours", [[2], [3], [1, 2], [2, 3], [0, 1, 2, 3, 4]], ids=str)
def test_an_occurrence_is_flagged_if_and_only_if_a_missing_label_comes_to_it(zone: str, gap: Gap, hours: list[int]) -> None:
    expected = by_the_book(hours, zone, gap)
    listed = ",".join(map(str, hours))
    cron = a_cron(f"{TENS} {listed} * * *", zone, dst={"gap": gap.value})
    rrule = a_rrule(f"FREQ=DAILY;BYHOUR={listed};BYMINUTE={TENS}", "2026-01-01T00:00:00", zone, dst={"gap": gap.value})
    assert from_gap(cron, SPRING[zone], len(expected)) == expected
    assert from_gap(rrule, SPRING[zone], len(expected)) == expected


def test_a_label_between_two_that_the_gap_shifts_is_its_own() -> None:
    # 02:30 is missing and comes to 01:30 in UTC, after 03:10, which is at 01:10.
    rule = "FREQ=DAILY;BYHOUR=2,3;BYMINUTE=10,30;BYSETPOS=2,3"
    schedule = a_rrule(rule, "2026-03-01T00:00:00", AMSTERDAM, dst={"gap": "shift"})
    assert from_gap(schedule, SPRING[AMSTERDAM], 2) == [(instant("2026-03-29T01:10:00Z"), False), (instant("2026-03-29T01:30:00Z"), True)]


def test_the_last_occurrence_by_until_is_flagged_like_any_other_and_none_after_it() -> None:
    rule = "FREQ=DAILY;BYHOUR=2;BYMINUTE=30;UNTIL=20260329T023000"
    schedule = a_rrule(rule, "2026-03-27T00:00:00", AMSTERDAM)
    assert from_gap(schedule, "2026-03-28T12:00:00Z", 5) == [(instant("2026-03-29T01:30:00Z"), True)]


@pytest.mark.parametrize(
    ("gap", "last"),
    [("next_valid", "2026-03-29T01:00:00Z"), ("shift", "2026-03-29T01:30:00Z"), ("skip", "2026-03-29T01:30:00Z")],
)
def test_until_in_a_gap_ends_where_the_policy_reads_it_and_skip_is_read_as_shift(gap: str, last: str) -> None:
    schedule = a_rrule("FREQ=MINUTELY;INTERVAL=30;UNTIL=20260329T023000", "2026-03-29T00:00:00", AMSTERDAM)
    assert fires(schedule, None)[-1] == "2026-03-29T01:30:00Z"
    of_labels = a_rrule(f"FREQ=DAILY;BYHOUR=3;BYMINUTE={TENS};UNTIL=20260329T023000", "2026-03-28T04:00:00", AMSTERDAM, dst={"gap": gap})
    assert fires(of_labels, None)[-1] == last


@pytest.mark.parametrize(
    ("fold", "last"), [("first", "2026-10-25T00:30:00Z"), ("last", "2026-10-25T01:30:00Z"), ("both", "2026-10-25T01:30:00Z")]
)
def test_until_in_a_fold_ends_with_the_pass_that_the_policy_takes_and_both_is_read_as_last(fold: str, last: str) -> None:
    schedule = a_rrule(f"FREQ=DAILY;BYHOUR=2;BYMINUTE={TENS};UNTIL=20261025T023000", "2026-10-25T00:00:00", AMSTERDAM, dst={"fold": fold})
    assert fires(schedule, None, limit=20)[-1] == last


@pytest.mark.parametrize(("gap", "at"), [("next_valid", ["2026-03-29T01:00:00Z"]), ("shift", ["2026-03-29T01:30:00Z"]), ("skip", [])])
def test_an_rdate_in_a_gap_is_what_the_policy_makes_of_it_and_is_flagged(gap: str, at: list[str]) -> None:
    schedule = a_rrule("FREQ=YEARLY", "2026-01-01T09:00:00", AMSTERDAM, rdates=["2026-03-29T02:30:00"], dst={"gap": gap})
    found = from_gap(schedule, "2026-01-02T00:00:00Z", 1 + len(at))
    assert found == [*((instant(text), True) for text in at), (instant("2027-01-01T08:00:00Z"), False)]


@pytest.mark.parametrize(
    ("fold", "at"),
    [
        ("first", ["2026-10-25T00:30:00Z"]),
        ("last", ["2026-10-25T01:30:00Z"]),
        ("both", ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]),
    ],
)
def test_a_date_in_a_fold_is_the_pass_or_the_passes_that_the_policy_takes(fold: str, at: list[str]) -> None:
    dst, date = {"fold": fold}, ["2026-10-25T02:30:00"]
    added = a_rrule("FREQ=YEARLY", "2026-01-01T09:00:00", AMSTERDAM, rdates=date, dst=dst)
    assert fires(added, "2026-01-02T00:00:00Z", until="2026-12-31T00:00:00Z") == at
    steps = a_rrule("FREQ=MINUTELY;INTERVAL=30;COUNT=8", "2026-10-25T00:30:00", AMSTERDAM)
    assert {"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"} < {*fires(steps, None)}
    daily = a_rrule("FREQ=DAILY;BYHOUR=2;BYMINUTE=30;COUNT=2", "2026-10-25T00:00:00", AMSTERDAM, exdates=date, dst=dst)
    assert fires(daily, None) == ["2026-10-26T01:30:00Z"]


@pytest.mark.parametrize("fold", ["first", "last", "both"])
def test_a_unique_date_is_one_instant_whatever_the_policy(fold: str) -> None:
    schedule = a_rrule("FREQ=YEARLY", "2026-01-01T09:00:00", AMSTERDAM, rdates=["2026-07-01T12:00:00"], dst={"fold": fold, "gap": "skip"})
    assert fires(schedule, "2026-01-02T00:00:00Z", limit=1) == ["2026-07-01T10:00:00Z"]


def test_a_date_that_the_rule_names_too_is_one_occurrence() -> None:
    schedule = a_rrule("FREQ=DAILY;COUNT=3", "2026-07-01T12:00:00", AMSTERDAM, rdates=["2026-07-02T12:00:00", "2026-07-02T10:00:00Z"])
    assert fires(schedule, None) == ["2026-07-01T10:00:00Z", "2026-07-02T10:00:00Z", "2026-07-03T10:00:00Z"]


@pytest.mark.parametrize(("gap", "at"), [("next_valid", "2026-03-29T01:00:00Z"), ("shift", "2026-03-29T01:30:00Z")])
def test_a_single_moment_in_a_gap_is_flagged_and_one_beside_it_is_not(gap: str, at: str) -> None:
    missing = a_schedule(execute_at="2026-03-29T02:30:00", timezone=AMSTERDAM, dst={"gap": gap})
    assert from_gap(missing, "2026-03-28T00:00:00Z", 2) == [(instant(at), True)]
    after = a_schedule(execute_at="2026-03-29T03:00:00", timezone=AMSTERDAM, dst={"gap": gap})
    assert from_gap(after, "2026-03-28T00:00:00Z", 2) == [(instant("2026-03-29T01:00:00Z"), False)]
