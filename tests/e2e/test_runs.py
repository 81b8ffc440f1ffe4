"""What becomes of a run is what whoever received its action says, and nobody else."""

import pytest

from support.api import PATIENCE_S, Api, once
from support.brokers import Brokers
from support.opening import Opening
from support.until import until

pytestmark = pytest.mark.timeout(180)

UNATTENDED = "tests.unattended"


async def test_a_failure_of_the_worker_is_shown_with_its_error(api: Api, brokers: Brokers, opening: Opening) -> None:
    plan_id = opening.failing["id"]
    (run,) = await api.until_runs(plan_id, 1, state="failed")
    assert run["error"] == {"code": "NO_SPACE", "message": "the disk is full", "retryable": False}
    assert (run["worker"], run["result"], run["reason"]) == ("the echo worker", None, None)
    shown = api.run(plan_id, run["id"])
    assert [entry["state"] for entry in shown["history"]] == ["pending", "executing", "failed"]
    assert api.plan(plan_id)["last_run"]["state"] == "failed"
    (event,) = [event for event in await brokers.run_events(run["id"]) if event.type == "run.failed"]
    assert event.data["error"] == run["error"]


async def test_a_report_with_a_wrong_token_changes_nothing(api: Api, brokers: Brokers) -> None:
    plan_id = api.created(once(UNATTENDED))["id"]
    (run,) = await api.until_runs(plan_id, 1, state="pending")
    (action,) = await brokers.actions(UNATTENDED, plan_id)
    token = action["report_token"]
    forged = token[:-1] + ("A" if token[-1] != "A" else "B")

    await brokers.report(action, forged, state="failed", error={"code": "FORGED", "message": "never happened", "retryable": False})
    letter = await until(lambda: brokers.dead_letters(run["id"]), what="the forged report is a dead letter", within_s=PATIENCE_S)
    assert len(letter) == 1
    assert letter[0]["source_topic"] == b"planner.run.reports"
    assert [event.type for event in await brokers.run_events(run["id"])] == ["run.pending"]
    assert api.run(plan_id, run["id"])["state"] == "pending"

    await brokers.report(action, token, state="completed", result={"told": "by who received it"})
    (run,) = await api.until_runs(plan_id, 1)
    assert (run["result"], run["error"]) == ({"told": "by who received it"}, None)
