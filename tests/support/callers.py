"""Callers of several tenants and organizations on one stack, and what they must not see of each other."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from support.api import NOT_FOUND, PATIENCE_S, Api, Document, api_of, new_key, once
from support.stack import Stack
from support.until import until

UNATTENDED = "tests.unattended"
"""An action that no worker performs."""

IDS = ("plan_id", "run_id", "command_id")
CALLERS = (("acme", None), ("acme", "east"), ("acme", "west"), ("rival", None))
NOBODY = "11111111-1111-4111-8111-111111111111"


@dataclass(frozen=True, slots=True)
class Callers:
    """`acme` holds a key for all organizations of its tenant, `east` and `west` one each; `rival` one of another tenant."""

    acme: Api
    east: Api
    west: Api
    rival: Api


@contextmanager
def callers_of(stack: Stack) -> Iterator[Callers]:
    """Each with a new key."""
    with ThreadPoolExecutor() as threads, ExitStack() as opened:
        tokens = threads.map(lambda whose: new_key(stack, tenant=whose[0], organization=whose[1]), CALLERS)
        yield Callers(*(opened.enter_context(api_of(stack, token)) for token in tokens))


@dataclass(frozen=True, slots=True)
class Held:
    """A plan, its run, and the command that made it."""

    plan_id: str
    run_id: str
    command_id: str


async def held_by(api: Api) -> Held:
    """What a new plan of this caller comes to, asked for without waiting."""
    answer = api.http.post("plans", json=once(UNATTENDED), headers={"Prefer": "respond-async"})
    assert answer.status_code == 202
    command_id = answer.json()["id"]

    def accepted() -> Document | None:
        answer = api.command(command_id)
        if answer.status_code == NOT_FOUND:
            return None
        command: Document = answer.raise_for_status().json()
        return command if command["state"] == "accepted" else None

    plan_id = (await until(accepted, what="the command is accepted", within_s=PATIENCE_S))["plan_id"]
    (run,) = await api.until_runs(plan_id, 1, state="pending")
    return Held(plan_id, run["id"], command_id)


def expect_hidden(stranger: Api, held: Held) -> None:
    """Whatever the stranger tries is answered as if it had never been."""
    for method, path, body in (
        ("GET", "plans/{plan_id}", None),
        ("GET", "plans/{plan_id}/preview", None),
        ("GET", "plans/{plan_id}/occurrences", None),
        ("GET", "plans/{plan_id}/explain?at=2026-01-01T00:00:00Z", None),
        ("GET", "plans/{plan_id}/runs", None),
        ("GET", "plans/{plan_id}/runs/{run_id}", None),
        ("GET", "commands/{command_id}", None),
        ("PATCH", "plans/{plan_id}", {"name": "stolen"}),
        ("DELETE", "plans/{plan_id}", None),
    ):
        real = path.format(plan_id=held.plan_id, run_id=held.run_id, command_id=held.command_id)
        answers = [stranger.http.request(method, one, json=body) for one in (real, path.format_map(dict.fromkeys(IDS, NOBODY)))]
        assert [answer.status_code for answer in answers] == [404, 404], f"{method} {path}"
        shown, never = ({name: answer.json()[name] for name in ("code", "title", "detail")} for answer in answers)
        assert shown == never, f"{method} {path}"
