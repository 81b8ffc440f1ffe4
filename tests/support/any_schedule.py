"""Any recurring schedule that can fire, for the laws."""

from typing import Any, Final

from hypothesis import assume
from hypothesis import strategies as st

from planner.domain.definition import define
from planner.domain.errors import DefinitionInvalidError
from planner.domain.recurrence.cron_text import parse_cron
from planner.domain.schedule import Schedule
from planner_contracts.instants import format_instant
from support.calendars import calendar_recurrences
from support.recurrences import CRON_TEXTS, INSTANTS, ZONES
from support.rrules import LABELS, STEPS, label_rules, step_rules

_PERHAPS: Final = ("rrule", "calendar")
_NOTHING: Final = frozenset(("SCHEDULE_NEVER_FIRES", "DST_POLICY_NOT_APPLICABLE"))


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Any recurring schedule that can fire, bounds and policies included."""
    given: dict[str, Any] = {"action": "a", "timezone": draw(ZONES)}
    kind = draw(st.integers(0, 9))
    policies = st.one_of(
        st.none(),
        st.fixed_dictionaries(
            {"gap": st.sampled_from(["next_valid", "shift", "skip"]), "fold": st.sampled_from(["first", "last", "both"])}
        ),
    )
    if kind == 0:
        anchor = format_instant(draw(INSTANTS))
        given["recurrence"] = {"type": "interval", "every_seconds": draw(st.integers(1, 200_000)), "anchor": anchor}
    elif kind <= 3:
        parts = draw(st.one_of(label_rules(), step_rules()))
        given["recurrence"] = parts.recurrence | {
            "rdates": [format_instant(at) for at in draw(st.lists(INSTANTS, min_size=1, max_size=3))],
            "exdates": [label.isoformat() for label in draw(st.lists(st.one_of(LABELS, st.just(parts.dtstart)), max_size=2))],
        }
        if parts.frequency not in STEPS:
            given["dst"] = draw(policies)
    elif kind <= 5:
        given["recurrence"] = draw(calendar_recurrences())
        given["dst"] = draw(policies)
    else:
        expression = draw(CRON_TEXTS.filter(lambda text: len(text) <= 256 and parse_cron(text).can_match))
        given["recurrence"] = {"type": "cron", "expression": expression}
        if not parse_cron(expression).wildcard:
            given["dst"] = draw(policies)
    if draw(st.integers(0, 4)) == 0:
        given["starts_at"], given["ends_at"] = map(format_instant, sorted(draw(INSTANTS) for _ in range(2)))
    try:
        return define(given, now=None).schedule
    except DefinitionInvalidError as refused:
        # Few RRULEs and calendars name nothing, or nothing but what is excluded; a wildcard calendar takes no policy.
        assume(given["recurrence"]["type"] not in _PERHAPS or {fault.code for fault in refused.faults} - _NOTHING)
        raise
