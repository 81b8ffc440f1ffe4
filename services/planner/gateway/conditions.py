"""Filtered lists in SQL: a closed table of fragments, values only as parameters."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from planner.gateway.caller import Visible
from planner.gateway.lists import PlanList, PlanSort, RunList, moment_of
from planner.gateway.pagination import Place

_PLAN_FILTERS: Final[Mapping[str, str]] = {
    "status": "status = {}",
    "action": "action = {}",
    "labels": "labels @> {}::jsonb",
    "name_prefix": "starts_with(name, {})",
    "created_after": "created_at > {}",
    "created_before": "created_at < {}",
}
_RUN_FILTERS: Final[Mapping[str, str]] = {
    "state": "state = {}",
    "trigger": "trigger = {}",
    "action": "action = {}",
    "first": "scheduled_for >= {}",
    "last": "scheduled_for <= {}",
}
# Column, direction. NULLS LAST where there may be nulls and the order rises, as the index has it.
_PLAN_ORDERS: Final[Mapping[PlanSort, tuple[str, str]]] = {
    PlanSort.CREATED: ("created_at", ">"),
    PlanSort.CREATED_NEWEST: ("created_at", "<"),
    PlanSort.NEXT_RUN: ("next_run_at", ">"),
    PlanSort.NAME: ("name", ">"),
}


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that grows; `arguments` are its parameters, in order."""

    conditions: list[str] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)

    def parameter(self, value: object) -> str:
        self.arguments.append(value)
        return f"${len(self.arguments)}"

    def require(self, fragment: str, *values: object) -> None:
        self.conditions.append(fragment.format(*map(self.parameter, values)))

    def text(self, beginning: str, ending: str) -> str:
        return f"{beginning}\nWHERE {' AND '.join(self.conditions)}\n{ending}"


def plans_statement(beginning: str, visible: Visible, asked: PlanList, *, encode: Callable[[object], str]) -> tuple[str, Sequence[Any]]:
    """The statement and its arguments; one row more than the page's limit. `encode` writes the labels as JSON."""
    statement = _visible(visible)
    for name, value in asked.filters.items():
        statement.require(_PLAN_FILTERS[name], encode(value) if name == "labels" else value)
    column, direction = _PLAN_ORDERS[asked.sort]
    if asked.after is not None:
        _go_on(statement, column, direction, asked.after, text=asked.sort is PlanSort.NAME)
    order = "DESC" if direction == "<" else "ASC"
    return statement.text(
        beginning, f"ORDER BY {column} {order}, id {order} LIMIT {statement.parameter(asked.limit + 1)}"
    ), statement.arguments


def runs_statement(beginning: str, visible: Visible, plan_id: str, asked: RunList) -> tuple[str, Sequence[Any]]:
    """The statement and its arguments; one row more than the page's limit."""
    statement = _visible(visible)
    statement.require("plan_id = {}", plan_id)
    for name, value in asked.filters.items():
        statement.require(_RUN_FILTERS[name], value)
    if asked.after is not None:
        _go_on(statement, "scheduled_for", "<", asked.after, text=False)
    ending = f"ORDER BY scheduled_for DESC, id DESC LIMIT {statement.parameter(asked.limit + 1)}"
    return statement.text(beginning, ending), statement.arguments


def _visible(visible: Visible) -> Statement:
    statement = Statement()
    statement.require("tenant_id = {}", visible.tenant_id)
    if visible.organizations is not None:
        statement.require("organization_id = ANY({}::text[])", list(visible.organizations))
    return statement


def _go_on(statement: Statement, column: str, direction: str, place: Place, *, text: bool) -> None:
    """Only what comes behind the place. Nulls come last in a rising order, and there are none in a falling one."""
    if place.key is None:
        statement.require(f"({column} IS NULL AND id {direction} {{}})", place.id)
        return
    key = place.key if text else moment_of(place.key)
    nulls = f" OR {column} IS NULL" if direction == ">" else ""
    statement.require(f"(({column}, id) {direction} ({{}}, {{}}){nulls})", key, place.id)
