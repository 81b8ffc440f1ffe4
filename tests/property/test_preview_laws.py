"""What previews and explanations say of any schedule, against what the window function and the single labels say."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from planner.domain import civil_time
from planner.domain.civil_time import Gap
from planner.domain.explain import Moment, explain
from planner.domain.explain_steps import StepResult
from planner.domain.limits import FIRST_INSTANT, LAST_INSTANT
from planner.domain.outcomes import PLANNED
from planner.domain.preview import Asked, Flag, Preview, preview
from planner.domain.recurrence.calendar import Calendar
from planner.domain.recurrence.cron import Cron
from planner.domain.recurrence.label_search import Labels
from planner.domain.recurrence.rrule import Rrule
from planner.domain.recurrence.rrule_labels import LabelRule
from planner.domain.recurrence.window import contains
from planner.domain.schedule import Schedule
from planner_contracts.plan import PlanStatus
from support.any_schedule import schedules
from support.recurrences import INSTANTS

NEAR = [timedelta(seconds=seconds) for seconds in (-3600, -1800, -1, 1, 1800, 3600, 7200)]


def shown(schedule: Schedule, after: datetime, limit: int) -> Preview:
    return preview(schedule, Asked(after, limit), runs_left=None)


@given(schedules(), INSTANTS, st.integers(1, 12), st.integers(1, 12))
def test_a_preview_goes_on_where_another_ended(schedule: Schedule, after: datetime, early: int, late: int) -> None:
    first = shown(schedule, after, early)
    whole = shown(schedule, after, early + late)
    if first.complete:
        assert whole.occurrences == first.occurrences
        return
    second = shown(schedule, first.occurrences[-1].scheduled_for, late)

    assert first.occurrences + second.occurrences == whole.occurrences
    assert second.complete is whole.complete


@given(schedules(), INSTANTS)
def test_the_local_time_is_the_label_at_that_instant(schedule: Schedule, after: datetime) -> None:
    for occurrence in shown(schedule, after, 5).occurrences:
        first, last = civil_time.candidates(occurrence.local.replace(tzinfo=None, microsecond=0), schedule.timezone)

        assert occurrence.local == occurrence.scheduled_for
        assert occurrence.scheduled_for.replace(microsecond=0) in (first, last)
        assert (Flag.DST_FOLD in occurrence.flags) is (first != last)


@given(schedules(), INSTANTS)
def test_an_occurrence_has_the_flag_of_a_gap_if_a_missing_label_resolves_to_it(schedule: Schedule, after: datetime) -> None:
    named = _labels(schedule)
    if named is None:
        return
    for occurrence in shown(schedule, after, 8).occurrences:
        from_gap = occurrence.scheduled_for in set(_resolved(named, schedule, occurrence.scheduled_for))
        # Dates of RDATE are labels too.
        if not isinstance(schedule.rule, Rrule) or occurrence.scheduled_for not in schedule.rule.rdates:
            assert (Flag.DST_GAP in occurrence.flags) is from_gap


@given(schedules(), INSTANTS)
def test_what_an_explanation_lets_pass_is_what_the_schedule_contains(schedule: Schedule, after: datetime) -> None:
    instants = {occurrence.scheduled_for for occurrence in shown(schedule, after, 4).occurrences} | {after}
    instants |= {instant + delta for instant in instants for delta in NEAR}
    for at in instants:
        if not FIRST_INSTANT < at <= LAST_INSTANT:
            continue
        found = explain(Moment(at, schedule, 1, FIRST_INSTANT, PlanStatus.ACTIVE, timedelta(0), recorded=None, pending=True, spent=False))

        assert (found.outcome == PLANNED) is contains(schedule, at), f"{at}: {found.steps}"
        assert [step.result for step in found.steps[:-1]] == [StepResult.PASSED] * (len(found.steps) - 1)


def _labels(schedule: Schedule) -> Labels | None:
    match schedule.rule:
        case Cron() | Calendar() as rule if not rule.wildcard:
            return rule
        case Rrule(rule=LabelRule() as rule):
            return rule
        case _:
            return None


def _resolved(named: Labels, schedule: Schedule, at: datetime) -> Iterator[datetime]:
    """What the missing labels of the last gap before an instant become, label by label."""
    if schedule.dst.gap is Gap.SKIP:
        return
    segment = civil_time.segment_at(schedule.timezone, int((at - civil_time.EPOCH).total_seconds()))
    label = named.first_label(segment.gap_from)
    while label is not None and label < segment.start + segment.offset:
        text = datetime.fromtimestamp(label, UTC).replace(tzinfo=None)
        yield civil_time.resolve(text, schedule.timezone, schedule.dst)
        label = named.first_label(label + 1)
