"""Zones, gaps and folds, at changes that have broken other schedulers."""

from datetime import datetime, timedelta

import pytest

from planner.domain import civil_time
from planner.domain.civil_time import Dst, Fold, Gap, LabelKind
from support.schedules import instant


def label(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    assert moment.tzinfo is None
    return moment


def test_the_names_are_those_of_the_wheel_without_the_clock_nobody_has_set() -> None:
    assert {"UTC", "Europe/Amsterdam", "US/Eastern", "GMT+0"} <= civil_time.ZONE_NAMES
    assert not {"Factory", "localtime", "posixrules", "right/Europe/Amsterdam", "europe/amsterdam"} & civil_time.ZONE_NAMES


def test_the_version_of_the_data_is_known() -> None:
    assert civil_time.TZDATA_VERSION[:4].isdigit()
    assert civil_time.TZDATA_VERSION[4:].isalpha()


@pytest.mark.parametrize(
    ("text", "timezone", "kind"),
    [
        ("2024-03-31T01:59:59", "Europe/Amsterdam", LabelKind.UNIQUE),
        ("2024-03-31T02:00:00", "Europe/Amsterdam", LabelKind.MISSING),
        ("2024-03-31T02:59:59", "Europe/Amsterdam", LabelKind.MISSING),
        ("2024-03-31T03:00:00", "Europe/Amsterdam", LabelKind.UNIQUE),
        ("2024-10-27T02:30:00", "Europe/Amsterdam", LabelKind.REPEATED),
        ("2024-10-06T02:15:00", "Australia/Lord_Howe", LabelKind.MISSING),
        ("2024-04-07T01:45:00", "Australia/Lord_Howe", LabelKind.REPEATED),
        ("2011-12-30T12:00:00", "Pacific/Apia", LabelKind.MISSING),
        ("2018-11-04T00:30:00", "America/Sao_Paulo", LabelKind.MISSING),
        ("2024-10-27T01:30:00", "Europe/Dublin", LabelKind.REPEATED),
        ("2024-06-01T00:00:00", "UTC", LabelKind.UNIQUE),
    ],
)
def test_a_label_is_unique_missing_or_repeated(text: str, timezone: str, kind: LabelKind) -> None:
    assert civil_time.kind_of(label(text), timezone) is kind


@pytest.mark.parametrize(
    ("text", "timezone", "gap", "expected"),
    [
        ("2024-03-31T02:30:30", "Europe/Amsterdam", Gap.NEXT_VALID, "2024-03-31T01:00:00+00:00"),
        ("2024-03-31T02:30:30", "Europe/Amsterdam", Gap.SHIFT, "2024-03-31T01:30:30+00:00"),
        ("2011-12-30T12:00:00", "Pacific/Apia", Gap.NEXT_VALID, "2011-12-30T10:00:00+00:00"),
        ("2011-12-30T12:00:00", "Pacific/Apia", Gap.SHIFT, "2011-12-30T22:00:00+00:00"),
        ("2024-03-31T01:30:00", "Antarctica/Troll", Gap.NEXT_VALID, "2024-03-31T01:00:00+00:00"),
        ("2024-10-06T02:15:00", "Australia/Lord_Howe", Gap.SHIFT, "2024-10-05T15:45:00+00:00"),
        ("1994-12-31T10:00:00", "Pacific/Kiritimati", Gap.NEXT_VALID, "1994-12-31T10:00:00+00:00"),
    ],
)
def test_a_missing_label_comes_to_the_change_or_is_shifted(text: str, timezone: str, gap: Gap, expected: str) -> None:
    assert civil_time.kind_of(label(text), timezone) is LabelKind.MISSING
    assert civil_time.resolve(label(text), timezone, Dst(gap, Fold.FIRST)) == instant(expected)


@pytest.mark.parametrize(
    ("fold", "expected"),
    [
        (Fold.FIRST, "2024-11-03T05:30:00+00:00"),
        (Fold.LAST, "2024-11-03T06:30:00+00:00"),
        (Fold.REJECT, "2024-11-03T05:30:00+00:00"),
    ],
)
def test_a_repeated_label_is_its_first_or_its_last_pass(fold: Fold, expected: str) -> None:
    assert civil_time.resolve(label("2024-11-03T01:30:00"), "America/New_York", Dst(Gap.REJECT, fold)) == instant(expected)


def test_the_candidates_of_a_label_rise() -> None:
    assert civil_time.candidates(label("2024-03-31T02:30:00"), "Europe/Amsterdam") == (
        instant("2024-03-31T01:00:00Z"),
        instant("2024-03-31T01:30:00Z"),
    )
    assert civil_time.candidates(label("2024-06-01T02:30:00"), "Europe/Amsterdam") == (
        instant("2024-06-01T00:30:00Z"),
        instant("2024-06-01T00:30:00Z"),
    )


def test_a_local_time_is_the_same_instant_with_a_fixed_offset() -> None:
    shown = civil_time.local(instant("2024-11-03T06:30:00Z"), "America/New_York")

    assert shown.isoformat() == "2024-11-03T01:30:00-05:00"
    assert shown + timedelta(days=200) == instant("2024-11-03T06:30:00Z") + timedelta(days=200)


def test_an_offset_may_have_seconds() -> None:
    assert civil_time.local(instant("1970-06-01T00:00:00Z"), "Africa/Monrovia").isoformat() == "1970-05-31T23:15:30-00:44:30"


def test_a_segment_knows_the_change_before_and_after_it_across_the_year() -> None:
    # Samoa's day went missing less than two days before the year's end; the first segment of 2012 still begins with that change.
    first = civil_time.segment_at("Pacific/Apia", civil_time.second_of(label("2012-01-01T00:00:00")))

    assert civil_time.instant_of(first.start) == instant("2011-12-30T10:00:00Z")
    assert first.gap_from == civil_time.second_of(label("2011-12-30T00:00:00"))
    assert first.start + first.offset == civil_time.second_of(label("2011-12-31T00:00:00"))


def test_a_segment_ends_at_the_next_change_or_at_the_years_end() -> None:
    summer = civil_time.segment_at("Europe/Amsterdam", civil_time.second_of(label("2024-07-01T00:00:00")))
    winter = civil_time.segment_at("Europe/Amsterdam", summer.stop)

    assert civil_time.instant_of(summer.stop) == instant("2024-10-27T01:00:00Z")
    assert summer.first_pass_from == civil_time.second_of(label("2024-10-27T02:00:00"))
    assert winter.second_pass_until == civil_time.second_of(label("2024-10-27T03:00:00"))
    assert civil_time.instant_of(winter.stop) == instant("2025-01-01T00:00:00Z")
