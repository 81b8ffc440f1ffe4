"""The HTTP API of a stack, as the holder of one key uses it, and the definitions that tests give it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from planner.runtime.clock import SystemClock
from planner_contracts.instants import format_instant
from support.stack import Stack
from support.until import until

Document = dict[str, Any]

PATIENCE_S = 20.0
TIMEOUT_S = 20.0
PAGE_MAX = 200
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Api:
    """Below /api/v1. What is not about a refusal raises httpx.HTTPStatusError where it is refused."""

    http: httpx.Client

    def create(self, definition: Document, *, key: str | None = None) -> httpx.Response:
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.http.post("plans", json=definition, headers=headers)

    def created(self, definition: Document, *, key: str | None = None) -> Document:
        return self._shown(self.create(definition, key=key))

    def changed(self, plan_id: str, patch: Document) -> Document:
        return self._shown(self.http.patch(f"plans/{plan_id}", json=patch))

    def cancelled(self, plan_id: str) -> Document:
        return self._shown(self.http.delete(f"plans/{plan_id}"))

    def paused(self, plan_id: str) -> Document:
        return self._shown(self.http.post(f"plans/{plan_id}/pause"))

    def resumed(self, plan_id: str, backlog: str) -> Document:
        return self._shown(self.http.post(f"plans/{plan_id}/resume", json={"backlog": backlog}))

    def plan(self, plan_id: str) -> Document:
        return self._shown(self.http.get(f"plans/{plan_id}"))

    def plans(self, **filters: str) -> list[Document]:
        """A page, the newest first."""
        items: list[Document] = self._shown(self.http.get("plans", params=filters))["items"]
        return items

    def runs(self, plan_id: str) -> list[Document]:
        """By `scheduled_for`, the earliest first; tests make fewer than a page holds."""
        return self._runs(self._asked_for_runs(plan_id))

    def occurrences(self, plan_id: str, first: datetime, last: datetime) -> list[Document]:
        """Those of the stretch, both ends included, rising; tests ask for fewer than a page holds."""
        span: dict[str, str | int] = {"from": format_instant(first), "to": format_instant(last), "limit": PAGE_MAX}
        items: list[Document] = self._shown(self.http.get(f"plans/{plan_id}/occurrences", params=span))["items"]
        return items

    def run(self, plan_id: str, run_id: str) -> Document:
        return self._shown(self.http.get(f"plans/{plan_id}/runs/{run_id}"))

    def command(self, command_id: str) -> httpx.Response:
        return self.http.get(f"commands/{command_id}")

    async def until_runs(self, plan_id: str, count: int, *, state: str = "completed", within_s: float = PATIENCE_S) -> list[Document]:
        """The plan's runs as soon as so many are in this state, the earliest first. The plan itself may still be on its way."""

        def enough() -> list[Document] | None:
            answer = self._asked_for_runs(plan_id)
            if answer.status_code == NOT_FOUND:
                return None
            runs = self._runs(answer)
            return runs if sum(run["state"] == state for run in runs) >= count else None

        return await until(enough, what=f"{count} {state} runs of plan {plan_id}", within_s=within_s)

    def _asked_for_runs(self, plan_id: str) -> httpx.Response:
        return self.http.get(f"plans/{plan_id}/runs", params={"limit": PAGE_MAX})

    def _runs(self, answer: httpx.Response) -> list[Document]:
        items: list[Document] = self._shown(answer)["items"]
        return items[::-1]

    def _shown(self, answer: httpx.Response) -> Document:
        document: Document = answer.raise_for_status().json()
        return document


@contextmanager
def api_of(stack: Stack, token: str | None = None) -> Iterator[Api]:
    """With this token, or the first key of the stack."""
    headers = {"Authorization": f"Bearer {token or stack.ready['api_key']}"}
    with httpx.Client(base_url=f"{stack.ready['gateway']}/api/v1/", headers=headers, timeout=TIMEOUT_S, trust_env=False) as http:
        yield Api(http)


def new_key(stack: Stack, *, tenant: str, organization: str | None = None) -> str:
    """A token for a tenant, and one of its organizations or all."""
    narrowed = () if organization is None else ("--organization", organization)
    made = stack.planner("keys", "create", "--json", "--tenant", tenant, *narrowed)
    assert made.returncode == 0, made.stderr
    token: str = json.loads(made.stdout)["token"]
    return token


def soon(seconds: float) -> datetime:
    """A whole second, at least so far ahead."""
    return SystemClock().now().replace(microsecond=0) + timedelta(seconds=seconds + 1)


def once(action: str, *, at: datetime | None = None, **fields: object) -> Document:
    """A plan that is due once, in one to two seconds if nothing else is said."""
    return {"action": action, "execute_at": format_instant(at or soon(1)), **fields}


def every_second(action: str, *, first: datetime, **fields: object) -> Document:
    """A plan of which no occurrence is let go, however slow the machine is."""
    recurrence = {"type": "interval", "every_seconds": 1, "anchor": format_instant(first)}
    return {"action": action, "recurrence": recurrence, "misfire": {"coalesce": "none"}, **fields}


def moment(text: str) -> datetime:
    """An instant of the wire."""
    return datetime.fromisoformat(text)
