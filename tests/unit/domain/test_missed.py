"""What becomes of a backlog: the worked examples of scheduling.md, section 5.1, and the edges of its three steps."""

from datetime import datetime, timedelta

import pytest

from planner.domain.jitter import delay
from planner.domain.missed import Backlog, Skip, settle, skips_between, skips_of
from planner.domain.recurrence.window import rising
from planner.domain.schedule import Schedule
from planner_contracts.run_event import SkipReason
from support.schedules import PLAN_ID, a_cron, a_schedule, an_interval, instant


def at(text: str, day: str = "2026-03-01") -> datetime:
    return instant(f"{day}T{text}Z")


def minutely(**misfire: object) -> Schedule:
    return a_cron("* * * * *", misfire=misfire)


def decide(schedule: Schedule, *, after: str, now: str, limit: int = 1000) -> Backlog:
    return settle(schedule, plan_id=PLAN_ID, after=at(after), now=at(now), limit=limit)


def fired(backlog: Backlog) -> list[datetime]:
    return [occurrence.scheduled_for for occurrence in backlog.fire]


def counts(backlog: Backlog) -> dict[SkipReason, int | None]:
    """How many occurrences were skipped for each reason."""
    found: dict[SkipReason, int | None] = {}
    for skip in backlog.skips:
        before = found.get(skip.reason, 0)
        found[skip.reason] = None if before is None or skip.count is None else before + skip.count
    return found


class TestTheWorkedExample:
    """`* * * * *`, the owner away from 10:00:30 to 12:30:10, max lateness 3600 s."""

    @staticmethod
    def after_the_outage(**misfire: object) -> Backlog:
        return decide(minutely(**misfire), after="10:00:00", now="12:30:10")

    def test_90_are_missed_in_each_case(self) -> None:
        for misfire in ({}, {"coalesce": "earliest"}, {"coalesce": "none"}, {"coalesce": "none", "max_catchup": 10}):
            backlog = self.after_the_outage(**misfire)
            missed = [skip for skip in backlog.skips if skip.reason is SkipReason.MISSED]
            assert len(missed) == 90
            assert (missed[0].first, missed[-1].last) == (at("10:01:00"), at("11:30:00"))

    def test_latest_fires_the_newest_and_59_are_coalesced_into_it(self) -> None:
        backlog = self.after_the_outage()
        coalesced = [skip for skip in backlog.skips if skip.reason is SkipReason.COALESCED]

        assert fired(backlog) == [at("12:30:00")]
        assert (len(coalesced), coalesced[0].first, coalesced[-1].last) == (59, at("11:31:00"), at("12:29:00"))
        assert {skip.into for skip in coalesced} == {at("12:30:00")}

    def test_earliest_fires_the_oldest_and_59_are_coalesced_into_it(self) -> None:
        backlog = self.after_the_outage(coalesce="earliest")
        coalesced = [skip for skip in backlog.skips if skip.reason is SkipReason.COALESCED]

        assert fired(backlog) == [at("11:31:00")]
        assert (len(coalesced), coalesced[0].first, coalesced[-1].last) == (59, at("11:32:00"), at("12:30:00"))
        assert {skip.into for skip in coalesced} == {at("11:31:00")}

    def test_none_fires_all_60_in_order(self) -> None:
        backlog = self.after_the_outage(coalesce="none")

        assert fired(backlog) == list(rising(minutely(), at("11:31:00"), at("12:30:00")))
        assert counts(backlog) == {SkipReason.MISSED: 90}

    def test_none_with_a_catch_up_of_10_fires_the_newest_10(self) -> None:
        backlog = self.after_the_outage(coalesce="none", max_catchup=10)

        assert fired(backlog) == list(rising(minutely(), at("12:21:00"), at("12:30:00")))
        assert counts(backlog) == {SkipReason.MISSED: 90, SkipReason.CATCHUP_LIMIT: 50}

    def test_the_next_is_1231_in_each_case(self) -> None:
        for misfire in ({}, {"coalesce": "earliest"}, {"coalesce": "none"}, {"coalesce": "none", "max_catchup": 10}):
            backlog = self.after_the_outage(**misfire)
            assert backlog.cursor == at("12:30:00")
            assert backlog.next is not None
            assert backlog.next.scheduled_for == at("12:31:00")


def test_nothing_due_leaves_the_cursor_where_it_was() -> None:
    backlog = decide(minutely(), after="10:00:30", now="10:00:59")

    assert (backlog.fire, backlog.skips, backlog.cursor) == ((), (), at("10:00:30"))
    assert backlog.next is not None
    assert backlog.next.due_at == at("10:01:00")


def test_a_timer_at_its_microsecond_fires() -> None:
    backlog = decide(minutely(), after="10:00:00", now="10:01:00")

    assert fired(backlog) == [at("10:01:00")]
    assert backlog.next is not None
    assert backlog.next.scheduled_for == at("10:02:00")


def test_a_schedule_at_its_end_has_no_next() -> None:
    once = a_schedule(execute_at="2026-03-01T10:00:00Z")

    assert decide(once, after="09:00:00", now="10:00:00").next is None
    assert decide(once, after="10:00:00", now="10:00:00") == Backlog((), (), at("10:00:00"), None)


@pytest.mark.parametrize(("late_by", "fires"), [(timedelta(seconds=3600), True), (timedelta(seconds=3600, microseconds=1), False)])
def test_a_window_is_over_one_microsecond_after_max_lateness(late_by: timedelta, *, fires: bool) -> None:
    once = a_schedule(execute_at="2026-03-01T10:00:00Z")

    backlog = settle(once, plan_id=PLAN_ID, after=at("09:00:00"), now=at("10:00:00") + late_by, limit=10)

    assert bool(backlog.fire) is fires
    assert [skip.reason for skip in backlog.skips] == ([] if fires else [SkipReason.MISSED])
    assert backlog.cursor == at("10:00:00")


@pytest.mark.parametrize(("late_by", "fires"), [(timedelta(seconds=60), True), (timedelta(seconds=60, microseconds=1), False)])
def test_the_window_of_a_backlog_ends_by_the_microsecond_too(late_by: timedelta, *, fires: bool) -> None:
    schedule = an_interval(30, anchor="2026-03-01T10:00:00Z", misfire={"max_lateness_seconds": 60, "coalesce": "none"})

    backlog = settle(schedule, plan_id=PLAN_ID, after=at("09:59:59"), now=at("10:00:00") + late_by, limit=10)

    assert (at("10:00:00") in fired(backlog)) is fires
    assert len(backlog.fire) + len(backlog.skips) == 3


def test_without_a_limit_of_lateness_nothing_is_missed() -> None:
    schedule = minutely(max_lateness_seconds=None, coalesce="none", max_catchup=1000)

    backlog = decide(schedule, after="00:00:00", now="12:00:00")

    assert (len(backlog.fire), backlog.skips) == (720, ())


def test_all_of_a_backlog_may_be_missed() -> None:
    backlog = decide(a_cron("0,5 10 * * *"), after="09:00:00", now="11:30:00")

    assert (backlog.fire, counts(backlog), backlog.cursor) == ((), {SkipReason.MISSED: 2}, at("10:05:00"))
    assert backlog.next is not None
    assert backlog.next.scheduled_for == at("10:00:00", "2026-03-02")


def test_all_of_a_backlog_may_be_missed_and_be_the_last() -> None:
    schedule = a_cron("0,5 10 * * *", ends_at="2026-03-01T12:00:00Z")

    assert decide(schedule, after="09:00:00", now="11:30:00").next is None


@pytest.mark.parametrize(("now", "fires"), [("10:01:00", 2), ("10:01:00.000001", 1)])
def test_a_backlog_of_a_minute_is_ordinary_operation(now: str, fires: int) -> None:
    # 10:00:00 is exactly 60 s late: each fires; a microsecond more, and only the newest does.
    assert len(decide(an_interval(60, anchor="2026-03-01T10:00:00Z"), after="09:59:00", now=now).fire) == fires


def test_one_late_occurrence_has_nothing_to_be_coalesced_with() -> None:
    for coalesce in ("none", "latest", "earliest"):
        backlog = decide(a_cron("0 * * * *", misfire={"coalesce": coalesce}), after="10:30:00", now="11:40:00")
        assert (fired(backlog), backlog.skips) == ([at("11:00:00")], ())


def test_one_occurrence_left_by_the_missed_ones_fires() -> None:
    for coalesce in ("none", "latest", "earliest"):
        backlog = decide(a_cron("0 * * * *", misfire={"coalesce": coalesce}), after="08:30:00", now="11:40:00")
        assert (fired(backlog), counts(backlog)) == ([at("11:00:00")], {SkipReason.MISSED: 2})


def test_jitter_moves_what_is_due_and_not_what_it_is_called() -> None:
    schedule = a_cron("0,10,20 10 * * *", jitter_seconds=600)
    lag = delay(PLAN_ID, 600)

    early = settle(schedule, plan_id=PLAN_ID, after=at("09:00:00"), now=at("10:00:00") + lag - timedelta(microseconds=1), limit=10)
    due = settle(schedule, plan_id=PLAN_ID, after=at("09:00:00"), now=at("10:00:00") + lag, limit=10)

    assert early.fire == ()
    assert early.next is not None
    assert (early.next.scheduled_for, early.next.due_at) == (at("10:00:00"), at("10:00:41.945"))
    assert [(found.scheduled_for, found.due_at) for found in due.fire] == [(at("10:00:00"), at("10:00:41.945"))]


def test_lateness_is_counted_from_the_due_time() -> None:
    schedule = a_schedule(execute_at="2026-03-01T10:00:00Z", jitter_seconds=600, misfire={"max_lateness_seconds": 10})
    lag = delay(PLAN_ID, 600)

    assert settle(schedule, plan_id=PLAN_ID, after=at("09:00:00"), now=at("10:00:10") + lag, limit=1).fire
    assert settle(schedule, plan_id=PLAN_ID, after=at("09:00:00"), now=at("10:00:10.000001") + lag, limit=1).skips


class TestALimit:
    """An owner may take only the oldest part; what is left is decided anew."""

    def test_of_an_ordinary_backlog_takes_the_oldest(self) -> None:
        backlog = decide(a_cron("* * * * * *"), after="10:00:00", now="10:00:30", limit=10)

        assert fired(backlog) == list(rising(a_cron("* * * * * *"), at("10:00:01"), at("10:00:10")))
        assert backlog.cursor == at("10:00:10")
        assert backlog.next is not None
        assert backlog.next.due_at == at("10:00:11")

    def test_of_a_catch_up_takes_the_oldest_of_those_that_fire(self) -> None:
        backlog = decide(minutely(coalesce="none", max_catchup=10), after="10:00:00", now="10:30:10", limit=4)

        assert fired(backlog) == list(rising(minutely(), at("10:21:00"), at("10:24:00")))
        assert counts(backlog) == {SkipReason.CATCHUP_LIMIT: 20}
        assert backlog.cursor == at("10:24:00")
        assert backlog.next is not None
        assert backlog.next.due_at == at("10:25:00")

    @pytest.mark.parametrize("coalesce", ["latest", "earliest"])
    def test_of_one_does_not_cut_what_fires_once(self, coalesce: str) -> None:
        backlog = decide(minutely(coalesce=coalesce), after="10:00:00", now="10:30:10", limit=1)

        assert (len(backlog.fire), counts(backlog), backlog.cursor) == (1, {SkipReason.COALESCED: 29}, at("10:30:00"))


class TestRecords:
    """One for each occurrence up to 100, then a range; the count is exact up to 1000, and for an interval always."""

    def test_a_hundred_have_a_record_each(self) -> None:
        skips = skips_between(minutely(), SkipReason.MISSED, at("10:00:00"), at("11:39:00"))

        assert len(skips) == 100
        assert all(skip.first == skip.last and skip.count == 1 for skip in skips)

    def test_a_hundred_and_one_have_one(self) -> None:
        assert skips_between(minutely(), SkipReason.MISSED, at("10:00:00"), at("11:40:00")) == (
            Skip(SkipReason.MISSED, at("10:00:00"), at("11:40:00"), 101, None),
        )

    @pytest.mark.parametrize(("seconds", "count"), [(999, 1000), (1000, None)])
    def test_a_range_is_counted_up_to_a_thousand(self, seconds: int, count: int | None) -> None:
        (skip,) = skips_between(a_cron("* * * * * *"), SkipReason.MISSED, at("10:00:00"), at("10:00:00") + timedelta(seconds=seconds))

        assert (skip.count, skip.last) == (count, at("10:00:00") + timedelta(seconds=seconds))

    def test_an_interval_is_counted_by_arithmetic(self) -> None:
        (skip,) = skips_between(an_interval(1), SkipReason.MISSED, at("00:00:00", "2026-01-01"), at("00:00:00", "2027-01-01"))

        assert skip.count == 365 * 86_400 + 1

    def test_no_occurrence_has_no_record(self) -> None:
        assert skips_between(minutely(), SkipReason.CANCELLED, at("10:00:01"), at("10:00:59")) == ()
        assert skips_of(SkipReason.CANCELLED, []) == ()

    def test_given_ones_are_recorded_alike(self) -> None:
        nominal_times = list(rising(minutely(), at("10:00:00"), at("11:40:00")))

        assert skips_of(SkipReason.SUPERSEDED, nominal_times, into=at("12:00:00")) == (
            Skip(SkipReason.SUPERSEDED, at("10:00:00"), at("11:40:00"), 101, at("12:00:00")),
        )


def test_a_year_away_from_a_rule_of_every_second_is_two_ranges_and_a_fire() -> None:
    now = at("10:00:00", "2027-03-01")

    backlog = settle(a_cron("* * * * * *"), plan_id=PLAN_ID, after=at("10:00:00"), now=now, limit=1000)

    assert fired(backlog) == [now]
    assert backlog.skips == (
        Skip(SkipReason.MISSED, at("10:00:01"), now - timedelta(seconds=3601), None, None),
        Skip(SkipReason.COALESCED, now - timedelta(seconds=3600), now - timedelta(seconds=1), None, now),
    )
