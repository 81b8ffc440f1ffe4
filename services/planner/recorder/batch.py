"""The rows of many records as one write: what a later record overtakes is left out, so that each table is written once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import assert_never

from planner.recorder.rows import (
    CalendarRow,
    CommandRow,
    CompletionRow,
    HeldRow,
    PlanRow,
    ProgressRow,
    RevisionRow,
    Row,
    RunRow,
    SkipRow,
    TransitionRow,
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows by table. Within one, each key stands once: a statement that meets a row twice is refused by PostgreSQL."""

    plans: dict[str, PlanRow] = field(default_factory=dict)
    completions: dict[str, CompletionRow] = field(default_factory=dict)
    revisions: dict[str, list[RevisionRow]] = field(default_factory=dict)
    runs: dict[str, RunRow] = field(default_factory=dict)
    transitions: dict[tuple[str, int], TransitionRow] = field(default_factory=dict)
    progress: dict[str, ProgressRow] = field(default_factory=dict)
    skips: dict[tuple[str, int], SkipRow] = field(default_factory=dict)
    held: dict[tuple[str, datetime], HeldRow] = field(default_factory=dict)
    commands: dict[tuple[str, str], CommandRow] = field(default_factory=dict)
    calendars: dict[tuple[str, str], CalendarRow] = field(default_factory=dict)

    def touched_plans(self) -> list[str]:
        """The plans whose next due time or last run may have moved, in a fixed order: two recorders must not lock in turn."""
        return sorted({*self.plans, *self.completions, *self.progress, *(run.plan_id for run in self.runs.values())})


def gather(rows: Iterable[Row]) -> Batch:
    """`rows` in the order of their records."""
    batch = Batch()
    for row in rows:
        _add(batch, row)
    return batch


def _add(batch: Batch, row: Row) -> None:
    match row:
        case RunRow():
            batch.runs[row.id] = max(batch.runs.setdefault(row.id, row), row, key=attrgetter("sequence"))
        case TransitionRow():
            batch.transitions.setdefault((row.run_id, row.sequence), row)
        case ProgressRow():
            batch.progress[row.plan_id] = row
        case SkipRow():
            batch.skips[row.plan_id, row.event_offset] = row
        case HeldRow():
            batch.held.setdefault((row.plan_id, row.scheduled_for), row)
        case PlanRow():
            batch.plans[row.id] = row
        case CompletionRow():
            batch.completions[row.plan_id] = row
        case RevisionRow():
            _add_revision(batch, row)
        case CommandRow():
            known_command = batch.commands.get((row.tenant_id, row.id))
            if known_command is None or known_command.state == "pending":
                batch.commands[row.tenant_id, row.id] = row
        case CalendarRow():
            known_calendar = batch.calendars.setdefault((row.tenant_id, row.name), row)
            batch.calendars[row.tenant_id, row.name] = max(known_calendar, row, key=attrgetter("version"))
        case _:
            assert_never(row)


def _add_revision(batch: Batch, row: RevisionRow) -> None:
    earlier = batch.revisions.setdefault(row.plan_id, [])
    if not earlier or row.kind == "created" or row.revision > earlier[-1].revision:
        earlier.append(row)
