"""Each nominal time of a plan with its outcome, and why: from a run store, and over HTTP."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from planner.domain.jitter import delay
from planner.domain.outcomes import Span
from planner.gateway.caller import Visible
from planner.gateway.plan_outcomes import PlanOutcomes
from planner.gateway.postgres_run_queries import PostgresRunQueries
from planner.gateway.run_store_connection import RunStoreConnection
from planner.runtime.clock import SystemClock
from planner.runtime.postgres import open_pool
from planner.runtime.sql import queries
from planner_contracts.instants import format_instant
from planner_contracts.topics import TopicRole
from support.databases import migrated_database
from support.gateways import Gateway, created, eventually, problem_code
from support.records import NOON, TENANT, Message, Story, a_plan, an_id, without
from support.run_stores import OpenRunStore, opened

ALL = Span(NOON - timedelta(days=1), NOON + timedelta(minutes=10))
PLAN = Story()


def at(minute: float) -> str:
    return format_instant(NOON + timedelta(minutes=minute))


class Known:
    """A run store, and what the gateway makes of it."""

    def __init__(self, store: OpenRunStore, run_queries: PostgresRunQueries) -> None:
        self._store = store
        self._queries = run_queries
        self._next_offset = 0

    async def record(self, *messages: Message) -> None:
        """As the recorder does, in this order."""
        for message in messages:
            await self._store.record(message.at(self._next_offset))
            self._next_offset += 1

    async def page(self, span: Span = ALL, limit: int = 100) -> list[dict[str, Any]]:
        plan = await self._queries.plan(Visible(TENANT, None), PLAN.plan_id)
        assert plan is not None
        return await PlanOutcomes(self._queries).page(plan, span, limit)

    async def listed(self, span: Span = ALL, limit: int = 100) -> list[tuple[str, str]]:
        """Minute and outcome of each."""
        return [((item.get("scheduled_for") or item["from"])[14:16], item["outcome"]) for item in await self.page(span, limit)]

    async def explained(self, minute: float) -> dict[str, Any]:
        plan = await self._queries.plan(Visible(TENANT, None), PLAN.plan_id)
        assert plan is not None
        return await PlanOutcomes(self._queries).explained(plan, NOON + timedelta(minutes=minute))

    async def steps(self, minute: float, of: str | None = None) -> dict[str, str]:
        """What each step says, or those with a result."""
        steps = (await self.explained(minute))["steps"]
        return {step["step"]: step["detail"] for step in steps if of in (None, step["result"])}


@pytest.fixture
async def known(postgres_dsn: str, tenant: str) -> AsyncIterator[Known]:
    async with migrated_database(postgres_dsn, tenant) as dsn, opened(dsn) as store:
        connection = RunStoreConnection(lambda: open_pool(dsn, size=2))
        try:
            yield Known(store, PostgresRunQueries(connection, queries("planner.gateway", "sql/queries.sql")))
        finally:
            await connection.close()


def updated(minute: float, revision: int, **plan: Any) -> Message:  # noqa: ANN401 (any field of a plan)
    """A change of the plan so many minutes after its creation."""
    document = a_plan(PLAN.plan_id, revision=revision, **plan)
    head = {"command_id": an_id(f"update {revision}"), "plan_id": PLAN.plan_id, "changes": [], "actor": "key:1"}
    data = head | {"plan": document, "revision": revision, "at": at(minute), "replayed": False}
    return PLAN.message(TopicRole.PLAN_EVENTS, "planner.plan.updated", data)


async def test_outcomes_and_what_is_planned_are_one_rising_list(known: Known) -> None:
    await known.record(
        PLAN.changed("created", "c1"),
        PLAN.run(1),
        PLAN.skipped(scheduled_for=at(2), reason="coalesced", into=at(3)),
        PLAN.run(3),
        PLAN.held(4, at(6)),
        PLAN.run(2, trigger="manual", id=an_id("manual")),
        PLAN.run(1, attempt=2, id=an_id("retry")),
    )

    assert await known.listed() == [("01", "fired"), ("02", "coalesced"), ("03", "fired"), ("04", "held")] + [
        (f"{minute:02}", "planned") for minute in range(6, 11)
    ]
    fired, coalesced, *_ = await known.page()
    assert (fired["run_id"], fired["revision"], fired["local"]) == (PLAN.run_id(1), 1, "2026-03-01T12:01:00+00:00")
    assert (coalesced["into"], coalesced["run_id"]) == (at(3), None)


async def test_a_held_occurrence_is_shown_by_what_it_came_to(known: Known) -> None:
    await known.record(PLAN.changed("created", "c1", next_run_at=None), PLAN.held(1), PLAN.held(2), PLAN.held(3))
    assert await known.listed() == [("01", "held"), ("02", "held"), ("03", "held")]

    await known.record(PLAN.run(1), PLAN.skipped(scheduled_for=at(2), reason="overlap"))
    assert await known.listed() == [("01", "fired"), ("02", "overlap"), ("03", "held")]


async def test_what_waited_when_the_last_run_was_made_is_no_occurrence(known: Known) -> None:
    await known.record(PLAN.changed("created", "c1", max_runs=1), PLAN.held(1), PLAN.held(2), PLAN.run(1), PLAN.completed())

    assert await known.listed() == [("01", "fired")]
    explained = await known.explained(2)
    assert (explained["outcome"], explained["steps"][-1]["step"], explained["previous"]) == (None, "max_runs", at(1))
    assert (await known.explained(3))["previous"] == at(1)


async def test_a_range_is_one_item_whole_though_only_a_part_is_asked_for(known: Known) -> None:
    missed = PLAN.skipped(**{"from": at(1), "to": at(4), "count": 4, "reason": "missed"})
    await known.record(PLAN.changed("created", "c1", next_run_at=None), missed)

    expected = [{"from": at(1), "to": at(4), "count": 4, "outcome": "missed"}]
    assert await known.page() == expected
    assert await known.page(Span(NOON + timedelta(minutes=2), NOON + timedelta(minutes=3))) == expected
    assert await known.page(Span(NOON + timedelta(minutes=4, microseconds=1), NOON + timedelta(minutes=9))) == []


async def test_the_list_has_no_more_than_its_limit_and_planned_ones_fill_it_up(known: Known) -> None:
    await known.record(PLAN.changed("created", "c1"), PLAN.run(1), PLAN.skipped(scheduled_for=at(2)), PLAN.run(3, next_run_at=at(4)))

    assert await known.listed(limit=2) == [("01", "fired"), ("02", "missed")]
    assert await known.listed(limit=4) == [("01", "fired"), ("02", "missed"), ("03", "fired"), ("04", "planned")]
    assert await known.listed(Span(NOON + timedelta(minutes=6), NOON + timedelta(minutes=7))) == [("06", "planned"), ("07", "planned")]


async def test_no_more_occurrences_are_planned_than_runs_are_left(known: Known) -> None:
    await known.record(PLAN.changed("created", "c1", max_runs=3), PLAN.run(1, next_run_at=at(2)))

    assert await known.listed() == [("01", "fired"), ("02", "planned"), ("03", "planned")]
    assert await known.listed(Span(NOON + timedelta(minutes=3), NOON + timedelta(minutes=9))) == [("03", "planned")]
    assert (await known.explained(4))["outcome"] is None
    assert (await known.explained(4))["steps"][-1]["step"] == "max_runs"


async def test_what_waits_during_a_pause_is_planned(known: Known) -> None:
    paused = updated(2.5, 2, status="paused", active=False, next_run_at=None)
    await known.record(PLAN.changed("created", "c1"), PLAN.run(1), PLAN.run(2), paused)

    assert await known.listed(limit=4) == [("01", "fired"), ("02", "fired"), ("03", "planned"), ("04", "planned")]
    assert (await known.explained(3))["steps"][-1] == {"step": "pause", "result": "waits", "detail": "it waits for the plan's resume"}


async def test_an_update_during_a_pause_keeps_what_both_schedules_name_and_makes_nothing_past(known: Known) -> None:
    paused = {"status": "paused", "active": False, "next_run_at": None}
    every_two, thrice = ({"type": "interval", "every_seconds": 60 * n, "anchor": at(anchor)} for n, anchor in ((2, 0), (3, 0.5)))
    await known.record(
        PLAN.changed("created", "c1"),
        PLAN.run(1),
        updated(1.5, 2, updated_at=at(1.5), **paused),
        PLAN.skipped(scheduled_for=at(3), reason="superseded", plan_revision=3),
        updated(3.5, 3, updated_at=at(3.5), recurrence=every_two, **paused),
    )
    assert (await known.listed(limit=4)) == [("01", "fired"), ("03", "superseded"), ("04", "planned"), ("06", "planned")]

    await known.record(updated(7, 4, updated_at=at(7), recurrence=thrice, **paused))
    assert (await known.listed(limit=4)) == [("01", "fired"), ("03", "superseded"), ("09", "planned")]


async def test_what_an_update_during_a_pause_keeps_among_what_it_supersedes_is_held(known: Known) -> None:
    paused = {"status": "paused", "active": False, "next_run_at": None}
    every_two = {"type": "interval", "every_seconds": 120, "anchor": at(1)}
    await known.record(
        PLAN.changed("created", "c1"),
        updated(0.5, 2, updated_at=at(0.5), **paused),
        *(PLAN.skipped(scheduled_for=at(minute), reason="superseded", plan_revision=3) for minute in (2, 4)),
        *(PLAN.held(minute) for minute in (1, 3, 5)),
        updated(5.5, 3, updated_at=at(5.5), recurrence=every_two, **paused),
    )

    superseded, held = "superseded", "held"
    listed = [("01", held), ("02", superseded), ("03", held), ("04", superseded), ("05", held), ("07", "planned")]
    assert await known.listed(limit=6) == listed
    explained = [await known.explained(int(minute)) for minute, _ in listed]
    assert [found["outcome"] for found in explained] == [outcome for _, outcome in listed]
    assert [found["previous"] for found in explained[1:]] == [at(int(minute)) for minute, _ in listed[:-1]]
    assert [found["next"] for found in explained[:-1]] == [at(int(minute)) for minute, _ in listed[1:]]


async def test_a_plan_that_ended_plans_nothing(known: Known) -> None:
    await known.record(PLAN.changed("created", "c1"), PLAN.run(1), updated(2.5, 2, status="cancelled", next_run_at=None))

    assert await known.listed() == [("01", "fired")]
    explained = await known.explained(4)
    assert (explained["outcome"], explained["steps"][-1]["step"], explained["next"]) == (None, "cancel", None)
    assert explained["steps"][-1]["detail"] == "revision 2 cancelled the plan before it"
    assert (await known.explained(2))["steps"][-1]["result"] == "unknown"


async def test_a_past_instant_is_explained_by_the_revision_in_force_then(known: Known) -> None:
    every_two = {"type": "interval", "every_seconds": 120, "anchor": format_instant(NOON)}
    await known.record(
        PLAN.changed("created", "c1"),
        PLAN.run(1),
        PLAN.run(2),
        PLAN.skipped(scheduled_for=at(3), reason="superseded", plan_revision=2),
        updated(3.5, 2, recurrence=every_two, timezone="Europe/Amsterdam", next_run_at=at(4)),
    )

    before, after = await known.explained(1), await known.explained(5)
    assert (before["revision"], before["outcome"], before["fired"], before["run_id"]) == (1, "fired", True, PLAN.run_id(1))
    assert (after["revision"], after["outcome"], after["steps"][-1]["step"]) == (2, None, "expand")
    assert (before["timezone"], after["timezone"]) == ("UTC", "Europe/Amsterdam")
    superseded = await known.explained(3)
    assert (superseded["revision"], superseded["outcome"], superseded["steps"][-1]["step"]) == (2, "superseded", "update")
    assert {step["result"] for step in superseded["steps"][:-1]} == {"passed"}
    assert [(item["local"], item["revision"]) for item in (await known.page())[2:4]] == [
        ("2026-03-01T12:03:00+00:00", 2),
        ("2026-03-01T13:04:00+01:00", 2),
    ]


async def test_an_occurrence_has_the_same_revision_where_it_is_listed_and_explained(known: Known) -> None:
    updates = [updated(minute + 0.5, minute + 1, updated_at=at(minute + 0.5), next_run_at=at(minute + 1)) for minute in range(1, 5)]
    await known.record(
        PLAN.changed("created", "c1"),
        PLAN.run(1),
        *updates,
        PLAN.run(2, plan_revision=3),
        PLAN.skipped(scheduled_for=at(3), plan_revision=5),
        PLAN.held(4),
    )

    listed = {item["scheduled_for"]: item["revision"] for item in await known.page(limit=6)}
    assert list(listed.values()) == [1, 3, 5, 1, 5, 5]
    assert [(await known.explained(minute))["revision"] for minute in range(1, 7)] == list(listed.values())


async def test_an_explanation_names_the_run_for_which_an_occurrence_waits(known: Known) -> None:
    just_now = format_instant(SystemClock().now())
    queued = PLAN.changed("created", "c1", overlap={"policy": "queue_one"})
    await known.record(queued, PLAN.run(1, published_at=just_now), PLAN.held(2, at(3)))

    assert await known.steps(2, of="waits") == {"overlap": f"it waits for the run {PLAN.run_id(1)} to end"}


async def test_an_explanation_names_the_run_for_which_an_occurrence_was_held(known: Known) -> None:
    ended = PLAN.run(1, state="completed", sequence=2, finished_at=at(2.5))
    await known.record(PLAN.changed("created", "c1", overlap={"policy": "queue_one"}), PLAN.run(1), PLAN.held(2), PLAN.held(3, at(4)))
    await known.record(ended, PLAN.run(2, published_at=at(2.5), next_run_at=at(4)))
    held = f"overlap is queue_one: held for 30 s, until no run was open; when it was due the run {PLAN.run_id(1)} was"
    assert (await known.steps(1))["overlap"] == "no run was open when it was due; overlap is queue_one"
    assert (await known.steps(2))["overlap"] == held
    assert (await known.steps(2))["misfire"] == "published 30 s after it was due; max_lateness_seconds is 3600"

    await known.record(PLAN.skipped(scheduled_for=at(3), reason="overlap"))
    assert (await known.steps(3))["overlap"].startswith(f"the run {PLAN.run_id(2)} was open when it was due; it gave way")


async def test_an_explanation_names_the_run_that_an_occurrence_ended(known: Known) -> None:
    ended = PLAN.run(1, state="failed", sequence=2, reason="CANCELLED", finished_at=at(2))
    await known.record(
        PLAN.changed("created", "c1", overlap={"policy": "cancel_previous"}), PLAN.run(1), ended, PLAN.run(2, published_at=at(2))
    )

    assert (await known.steps(2))["overlap"] == f"overlap is cancel_previous: it ended the run {PLAN.run_id(1)}"


async def test_an_explanation_names_the_pause_that_was_waited_through_and_what_stands_for_a_backlog(known: Known) -> None:
    await known.record(
        PLAN.changed("created", "c1"),
        PLAN.held(1),
        updated(1.5, 2, status="paused", active=False, next_run_at=None),
    )
    assert await known.steps(1, of="waits") == {"pause": "it waits for the plan's resume"}

    await known.record(
        updated(4.5, 3),
        *(PLAN.skipped(scheduled_for=at(minute), reason="coalesced", into=at(4), plan_revision=3) for minute in (1, 2, 3)),
        PLAN.run(4, plan_revision=3, published_at=at(4.5), next_run_at=at(5)),
    )
    assert (await known.steps(2))["pause"] == "it waited through a pause, which revision 3 ended"
    assert (await known.steps(2))["misfire"] == f"another occurrence of its backlog stands for it: {at(4)}"
    assert (await known.steps(4))["misfire"].endswith("it stands for its backlog, whose others are coalesced")


async def test_a_due_time_is_explained_by_its_nominal_time(known: Known) -> None:
    lag = delay(PLAN.plan_id, 1200)
    due = [format_instant(NOON + timedelta(minutes=minute) + lag) for minute in range(3)]
    assert lag % timedelta(minutes=1)
    created = PLAN.changed("created", "c1", jitter_seconds=1200, next_run_at=due[2])
    await known.record(created, PLAN.run(1, due_at=due[1], published_at=due[1]))

    for minute, outcome in ((1, "fired"), (2, "planned")):
        found, nominal = await known.explained(minute + lag / timedelta(minutes=1)), await known.explained(minute)
        assert (found["at"], found["outcome"], found["run_id"]) == (due[minute], outcome, nominal["run_id"])
        assert (found["previous"], found["next"]) == (nominal["previous"], nominal["next"])
        jitter = next(step["detail"] for step in found["steps"] if step["step"] == "jitter")
        assert jitter == f"{due[minute]} is the due time of {at(minute)}, which is explained here"
    neither = await known.explained(1.5)
    assert (neither["at"], neither["outcome"], neither["steps"][-1]["result"]) == (at(1.5), None, "left_out")


async def test_an_explanation_names_what_came_before_and_after(known: Known) -> None:
    await known.record(
        PLAN.changed("created", "c1"),
        PLAN.skipped(**{"from": at(1), "to": at(4), "count": 4, "reason": "missed"}),
        PLAN.run(5, next_run_at=at(8)),
    )

    async def neighbours(minute: float) -> tuple[str | None, str | None]:
        explained = await known.explained(minute)
        return explained["previous"], explained["next"]

    assert await neighbours(1) == (None, at(2))
    assert await neighbours(2.5) == (at(2), at(3))
    assert await neighbours(4.5) == (at(4), at(5))
    assert await neighbours(6) == (at(5), at(8))
    assert await neighbours(8) == (at(5), at(9))
    assert await neighbours(8.5) == (at(8), at(9))
    assert [(await known.explained(minute))["outcome"] for minute in (2, 2.5, 5, 8)] == ["missed", None, "fired", "planned"]


async def test_an_earlier_plan_with_the_same_id_left_nothing_behind(known: Known) -> None:
    reborn = updated(9.5, 1, created_at=at(9.5), next_run_at=at(10))
    await known.record(
        PLAN.changed("created", "c1", max_runs=2),
        PLAN.run(1),
        PLAN.skipped(scheduled_for=at(2)),
        without(reborn, b"planner.plan.updated", b"planner.plan.created"),
    )

    assert await known.listed() == [("10", "planned")]
    explained = await known.explained(2)
    assert (explained["outcome"], explained["steps"][-1]["step"], explained["previous"]) == (None, "bounds", None)


@pytest.fixture
def client(gateway: Gateway, tenant: str) -> Iterator[httpx.Client]:
    with gateway.client(gateway.key(tenant)) as client:
        yield client


def test_a_list_of_occurrences_goes_on_where_its_page_ended(client: httpx.Client, gateway: Gateway) -> None:
    plan = created(client, recurrence={"type": "interval", "every_seconds": 1}, max_runs=4, misfire={"coalesce": "none"})
    path = f"/plans/{plan['id']}/occurrences"
    eventually(lambda: client.get(f"/plans/{plan['id']}").json()["status"] == "completed", what="the plan is completed")
    eventually(lambda: len(client.get(path).json()["items"]) == 4, what="all four are listed")

    everything = client.get(path).json()["items"]
    first = client.get(f"{path}?limit=3")
    second = client.get(gateway.url + first.headers["link"].removeprefix("<").partition(">")[0])

    assert [item["outcome"] for item in everything] == ["fired"] * 4
    assert first.json()["items"] + second.json()["items"] == everything
    assert second.json()["next_cursor"] is None
    runs = client.get(f"/plans/{plan['id']}/runs").json()["items"]
    assert [item["run_id"] for item in everything] == [run["id"] for run in reversed(runs)]
    since = client.get(path, params={"from": everything[1]["scheduled_for"], "to": everything[2]["scheduled_for"]})
    assert since.json()["items"] == everything[1:3]


def test_a_plan_that_has_not_begun_is_all_planned_and_never_ends(client: httpx.Client) -> None:
    plan = created(client, jitter_seconds=60)
    path = f"/plans/{plan['id']}"
    answer = client.get(f"{path}/occurrences?limit=200").json()
    following = client.get(f"{path}/occurrences", params={"limit": "200", "cursor": answer["next_cursor"]}).json()

    assert {item["outcome"] for item in answer["items"] + following["items"]} == {"planned"}
    assert (answer["items"][0]["due_at"], answer["items"][0]["flags"]) == (plan["next_run_at"], ["jittered"])
    assert len({item["scheduled_for"] for item in answer["items"] + following["items"]}) == 400
    preview = client.get(f"{path}/preview?limit=3").json()["occurrences"]
    assert [{name: item[name] for name in preview[0]} for item in answer["items"][:3]] == preview


def test_an_instant_is_explained_before_and_after_it_was_due(client: httpx.Client) -> None:
    plan = created(client, recurrence={"type": "interval", "every_seconds": 1}, max_runs=1)
    path = f"/plans/{plan['id']}/explain"
    due = plan["next_run_at"]
    eventually(lambda: client.get(path, params={"at": due}).json()["outcome"] == "fired", what="it has fired")

    fired = client.get(path, params={"at": due}).json()
    assert (fired["fired"], fired["revision"], fired["previous"], fired["next"]) == (True, 1, None, None)
    assert fired["run_id"] == client.get(f"/plans/{plan['id']}/runs").json()["items"][0]["id"]
    hourly = created(client)
    planned = client.get(f"/plans/{hourly['id']}/explain", params={"at": hourly["next_run_at"]}).json()
    assert (planned["fired"], planned["outcome"], planned["run_id"]) == (False, "planned", None)


@pytest.mark.parametrize(
    "query",
    ["explain", "explain?at=noon", "explain?at=2026-01-01T00:00:00", "explain?at=1969-12-31T23:59:59Z", "explain?at=2201-01-01T00:00:00Z"],
)
def test_an_instant_that_is_none_is_refused(client: httpx.Client, query: str) -> None:
    assert problem_code(client.get(f"/plans/{created(client)['id']}/{query}")) == (400, "INVALID_PARAMETER")


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "from=noon", "state=fired"])
def test_a_parameter_of_the_list_that_is_wrong_is_refused(client: httpx.Client, query: str) -> None:
    path = f"/plans/{created(client)['id']}/occurrences"
    assert problem_code(client.get(f"{path}?{query}")) == (400, "INVALID_PARAMETER")
    assert problem_code(client.get(f"{path}?cursor=x")) == (400, "INVALID_CURSOR")


@pytest.mark.parametrize("query", ["occurrences", "explain?at=2026-01-01T00:00:00Z"])
def test_occurrences_need_the_scope_to_read_runs_and_a_plan_that_is_visible(
    client: httpx.Client, gateway: Gateway, tenant: str, query: str
) -> None:
    path = f"/plans/{created(client)['id']}/{query}"
    with gateway.client(gateway.key(tenant, scopes=["plans:read"])) as unfit:
        assert problem_code(unfit.get(path)) == (403, "FORBIDDEN")
    with gateway.client(gateway.key(f"{tenant}-other")) as stranger:
        assert problem_code(stranger.get(path)) == (404, "PLAN_NOT_FOUND")
    assert problem_code(client.get(f"/plans/nonsense/{query}")) == (404, "PLAN_NOT_FOUND")
