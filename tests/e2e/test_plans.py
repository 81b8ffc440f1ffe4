"""The main job on the real servers: plans fire when they must, completed by real workers, and the ledger agrees."""

from datetime import timedelta

import pytest

from planner.ledger.expectation import EveryPeriod, OneShot
from planner_contracts import ids
from planner_contracts.plan_command import CommandType
from support.api import Api, Document, every_second, moment, once, soon
from support.brokers import Brokers
from support.opening import FIRES, Opening
from support.readme import readme_bodies, readme_record

pytestmark = pytest.mark.timeout(180)

SECOND = timedelta(seconds=1)


async def test_the_tour_of_the_readme_leads_to_a_completed_run(api: Api, brokers: Brokers, opening: Opening) -> None:
    plan = opening.readme
    assert (plan["status"], plan["revision"]) == ("active", 1)
    anchor = moment(plan["recurrence"]["anchor"])
    period = timedelta(seconds=plan["recurrence"]["every_seconds"])
    first = moment(plan["next_run_at"])
    assert first == anchor + period

    run = (await api.until_runs(plan["id"], 1))[0]
    assert moment(run["scheduled_for"]) == first
    assert run["lateness_ms"] == (moment(run["published_at"]) - first) / timedelta(milliseconds=1) >= 0
    assert (run["state"], run["trigger"], run["attempt"], run["plan_revision"]) == ("completed", "schedule", 1, 1)
    assert run["result"] == {"url": f"https://example.org/{plan['payload']['content_id']}"}
    history = api.run(plan["id"], run["id"])["history"]
    assert [(entry["state"], entry["sequence"]) for entry in history] == [("pending", 1), ("executing", 2), ("completed", 3)]
    assert api.plan(plan["id"])["last_run"]["state"] == "completed"

    patch = readme_bodies()[1]
    patched = api.changed(plan["id"], patch)
    assert (patched["revision"], patched["timezone"]) == (2, patch["timezone"])
    assert patched["recurrence"] == patch["recurrence"]
    cancelled = api.cancelled(plan["id"])
    assert (cancelled["status"], cancelled["next_run_at"]) == ("cancelled", None)

    changed_at, ended_at, following = moment(patched["updated_at"]), moment(cancelled["updated_at"]), moment(patched["next_run_at"])
    report = await brokers.balanced(
        EveryPeriod(plan["id"], anchor, period, first, last=changed_at, open_until=changed_at),
        EveryPeriod(plan["id"], following, period, following, last=ended_at, open_until=ended_at),
    )
    assert report.ok, report.differences


async def test_the_record_of_the_readme_makes_a_plan_that_fires(api: Api, brokers: Brokers, opening: Opening) -> None:
    record, at = readme_record(), soon(2)
    data = record["data"] | {"plan": record["data"]["plan"] | once(record["data"]["plan"]["action"], at=at)}
    plan_id = ids.plan_id(data["tenant_id"], data["organization_id"], data["command_id"])
    await brokers.command(CommandType(record["type"]), data)
    (outcome,) = await brokers.outcomes(data["command_id"])
    assert (outcome.type, outcome.data["plan"]["id"]) == ("plan.created", plan_id)
    (run,) = await api.until_runs(plan_id, 1, state=None)
    assert moment(run["scheduled_for"]) == at
    report = await brokers.balanced(OneShot(plan_id, at))
    assert report.ok, report.differences


async def test_an_interval_plan_fires_at_each_of_its_times_and_is_completed(api: Api, brokers: Brokers, opening: Opening) -> None:
    plan_id, last = opening.interval["id"], opening.first + SECOND * (FIRES - 1)
    runs = await api.until_runs(plan_id, FIRES)
    assert [moment(run["scheduled_for"]) for run in runs] == [opening.first + SECOND * number for number in range(FIRES)]
    assert {run["state"] for run in runs} == {"completed"}
    plan = api.plan(plan_id)
    assert (plan["status"], plan["next_run_at"]) == ("completed", None)
    report = await brokers.balanced(EveryPeriod(plan_id, opening.first, SECOND, opening.first, last, open_until=last))
    assert report.ok, report.differences


async def test_a_cron_plan_fires_by_the_clock_of_its_zone(api: Api, brokers: Brokers, opening: Opening) -> None:
    plan = opening.cron
    assert moment(plan["next_run_at"]) == opening.full_minute
    (run,) = await api.until_runs(plan["id"], 1, within_s=90)
    assert moment(run["scheduled_for"]) == opening.full_minute
    assert moment(api.plan(plan["id"])["next_run_at"]) > opening.full_minute + timedelta(hours=22)
    report = await brokers.balanced(OneShot(plan["id"], opening.full_minute))
    assert report.ok, report.differences


async def test_an_update_between_fires_leaves_earlier_runs_as_they_were(api: Api, brokers: Brokers, opening: Opening) -> None:
    first = soon(1)
    plan_id = api.created(every_second("demo.echo", first=first, payload={"text": "old"}))["id"]
    earlier = finished(await api.until_runs(plan_id, 2))

    changed = api.changed(plan_id, {"payload": {"text": "new"}})
    assert changed["revision"] == 2
    runs = await api.until_runs(plan_id, len(earlier) + 4)
    ended_at = moment(api.cancelled(plan_id)["updated_at"])

    assert runs[: len(earlier)] == earlier
    revisions = [run["plan_revision"] for run in runs]
    assert revisions == sorted(revisions)
    assert all((run["plan_revision"] == 2) == (moment(run["published_at"]) > moment(changed["updated_at"])) for run in runs)
    texts = {1: {"text": "old"}, 2: {"text": "new"}}
    assert all(run["result"] == texts[run["plan_revision"]] for run in finished(runs))
    actions = await brokers.actions("demo.echo", plan_id)
    assert all(action["payload"] == texts[action["plan_revision"]] for action in actions)
    assert {action["plan_revision"] for action in actions} == {1, 2}
    report = await brokers.balanced(EveryPeriod(plan_id, first, SECOND, first, last=ended_at, open_until=ended_at))
    assert report.ok, report.differences


async def test_an_update_tells_who_changed_what(api: Api, brokers: Brokers) -> None:
    plan = api.created(once("demo.echo", at=soon(86_400), payload={"text": "old"}))
    changed = api.changed(plan["id"], {"payload": {"text": "new"}})
    (event,) = [event for event in await brokers.plan_events(plan["id"]) if event.type == "plan.updated"]
    assert event.data["changes"] == [{"path": "/payload/text", "old": "old", "new": "new"}]
    assert (event.data["actor"], event.data["revision"], event.data["at"]) == (changed["updated_by"], 2, changed["updated_at"])


async def test_nothing_fires_after_a_cancel(api: Api, brokers: Brokers, opening: Opening) -> None:
    first = soon(1)
    plan_id = api.created(every_second("demo.echo", first=first))["id"]
    await api.until_runs(plan_id, 2)
    cancelled = api.cancelled(plan_id)
    assert (cancelled["status"], cancelled["next_run_at"]) == ("cancelled", None)

    # Of the same shard, which fires what is due in order: when this one has fired, the times before it are past.
    later = api.created(once("demo.echo", at=soon(3)), key=same_shard_key(brokers, plan_id))
    assert brokers.partition(later["id"]) == brokers.partition(plan_id)
    await api.until_runs(later["id"], 1)
    ended_at = moment(cancelled["updated_at"])
    actions = await brokers.actions("demo.echo", plan_id)
    assert all(moment(action["published_at"]) <= ended_at for action in actions)
    assert len(api.runs(plan_id)) == len(actions)
    report = await brokers.balanced(EveryPeriod(plan_id, first, SECOND, first, last=ended_at, open_until=ended_at))
    assert report.ok, report.differences


def same_shard_key(brokers: Brokers, plan_id: str) -> str:
    """An idempotency key whose plan belongs to the shard of another plan."""
    keys = (f"after {plan_id} {number}" for number in range(1000))
    return next(key for key in keys if brokers.partition(ids.plan_id("default", "default", key)) == brokers.partition(plan_id))


def finished(runs: list[Document]) -> list[Document]:
    return [run for run in runs if run["finished_at"] is not None]
