"""What a tick knows of its shard's state: what the index holds, and over it what the tick's earlier decisions changed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planner.domain.plan import CalendarState, Cursor, PlanRevision, Receipt, Retired, StateKind
from planner.domain.run import Run
from planner.owner import changelog
from planner.owner.changelog import State
from planner.owner.index import Change, StateKey


@dataclass(frozen=True, slots=True)
class LostRun:
    """An open run whose record this version cannot read."""

    key: StateKey
    record: bytes


class TickState:
    """Records by key, decoded once, and the changes made to them. Changes are staged until they are kept: a decision that fails
    leaves nothing behind.
    """

    def __init__(self, known: Mapping[StateKey, bytes], open_runs: Mapping[StateKey, Sequence[str]] | None = None) -> None:
        """`open_runs`: their ids by the key of the plan's cursor, of the plans whose runs a decision may end."""
        self._known = known
        self._open_runs = open_runs or {}
        self._decoded: dict[StateKey, State | None] = {}
        self._staged: dict[StateKey, tuple[State | None, Change]] = {}
        self._put_runs: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self.changes: dict[StateKey, Change] = {}

    def revision(self, tenant_id: str, plan_id: str) -> PlanRevision | None:
        """The plan's definition in force."""
        record = self._get(StateKey(StateKind.DEFINITION, tenant_id, plan_id))
        assert record is None or isinstance(record, PlanRevision)
        return record

    def cursor(self, tenant_id: str, plan_id: str) -> Cursor | None:
        """How far the plan has come."""
        record = self._get(StateKey(StateKind.CURSOR, tenant_id, plan_id))
        assert record is None or isinstance(record, Cursor)
        return record

    def plan(self, tenant_id: str, plan_id: str) -> tuple[PlanRevision, Cursor] | None:
        """Its definition in force and how far it has come; None unless both are there."""
        revision, cursor = self.revision(tenant_id, plan_id), self.cursor(tenant_id, plan_id)
        return None if revision is None or cursor is None else (revision, cursor)

    def run(self, tenant_id: str, run_id: str) -> Run | None:
        """An unfinished run."""
        record = self._get(StateKey(StateKind.RUN, tenant_id, run_id))
        assert record is None or isinstance(record, Run)
        return record

    def open_runs(self, tenant_id: str, plan_id: str, *, limit: int) -> tuple[list[Run | LostRun], bool] | None:
        """At most `limit` of the plan's open runs, and whether they are all: of those that were gathered, and those of this tick.

        None where they were not gathered. More than `limit` gathered may not have been all, though some have ended since.
        """
        gathered = self._open_runs.get(StateKey(StateKind.CURSOR, tenant_id, plan_id))
        if gathered is None:
            return None
        ids = dict.fromkeys((*gathered, *self._put_runs[tenant_id, plan_id]))
        found = (self._open_run(StateKey(StateKind.RUN, tenant_id, run_id)) for run_id in ids)
        runs = [run for run in found if run is not None]
        return runs[:limit], max(len(gathered), len(runs)) <= limit

    def receipt(self, tenant_id: str, receipt_id: str) -> Receipt | None:
        """What is remembered under a command id or an idempotency key."""
        record = self._get(StateKey(StateKind.RECEIPT, tenant_id, receipt_id))
        assert record is None or isinstance(record, Receipt)
        return record

    def retired(self, tenant_id: str, plan_id: str) -> Retired | None:
        """A plan that ended."""
        record = self._get(StateKey(StateKind.RETIRED, tenant_id, plan_id))
        assert record is None or isinstance(record, Retired)
        return record

    def calendar(self, tenant_id: str, name: str) -> CalendarState | None:
        """A tenant's holiday list, hidden or not."""
        record = self._get(StateKey(StateKind.CALENDAR, tenant_id, name))
        assert record is None or isinstance(record, CalendarState)
        return record

    def put(self, tenant_id: str, record: State) -> None:
        """Write a record; later decisions of the tick see it."""
        change = changelog.put(tenant_id, record)
        if isinstance(record, Run):
            self._put_runs[tenant_id, record.plan_id].append(record.run_id)
        self._staged[change.key] = (record, change)

    def drop(self, kind: StateKind, tenant_id: str, record_id: str) -> None:
        """Remove a record; later decisions of the tick see that it is gone."""
        change = changelog.drop(kind, tenant_id, record_id)
        self._staged[change.key] = (None, change)

    def disarm(self, key: StateKey) -> None:
        """Leave a record that cannot be read as it is, without its timer."""
        if key not in self.changes:
            self._staged[key] = (None, Change(key, self._known[key]))

    def keep(self) -> None:
        """The staged changes belong to the tick."""
        for key, (record, change) in self._staged.items():
            self._decoded[key] = record
            self.changes[key] = change
        self._staged.clear()

    def undo(self) -> None:
        """Forget the staged changes."""
        self._staged.clear()

    def _open_run(self, key: StateKey) -> Run | LostRun | None:
        try:
            run = self.run(key.tenant_id, key.id)
        except changelog.UNREADABLE:
            return LostRun(key, self._known[key])
        return run if run is not None and run.open else None

    def _get(self, key: StateKey) -> State | None:
        if key in self._staged:
            return self._staged[key][0]
        if key not in self._decoded:
            value = self._known.get(key)
            self._decoded[key] = None if value is None else changelog.decode(key.kind, value)
        return self._decoded[key]
