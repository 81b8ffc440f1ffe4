"""`planner verify`, as an operator types it."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from planner.runtime.clock import SystemIds
from planner.runtime.settings import environment
from planner_contracts.ids import run_id
from planner_contracts.instants import format_instant
from planner_contracts.run import RunTrigger
from planner_contracts.topics import TopicRole, topic
from support.actions import DUE, ActionTopics, action_topics, an_action

ROOT = Path(__file__).parents[3]
ACTION = "content.publish"


@pytest.fixture
async def topics(kafka: str) -> AsyncIterator[ActionTopics]:
    async with action_topics(kafka, f"v{SystemIds().uuid()[:8]}", ACTION) as made:
        await made.make_topic(topic(made.namespace, TopicRole.RUN_EVENTS))
        yield made


async def verified(topics: ActionTopics, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit code, and the lines."""
    given = environment() | {
        "PLANNER_KAFKA": topics.kafka,
        "PLANNER_NAMESPACE": topics.namespace,
        "PYTHONPATH": f"{ROOT}/services:{ROOT}/contracts",
    }
    command = (sys.executable, "-c", "from planner.cli.app import main; main()", "verify", "--events", "--json", *words)
    process = await asyncio.create_subprocess_exec(*command, env=given, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(30):
        out, _ = await process.communicate()
    return process.returncode or 0, [json.loads(line) for line in out.splitlines()]


async def test_each_difference_is_told_and_what_was_published_later_is_left_out(topics: ActionTopics, tmp_path: Path) -> None:
    """Where plans went on firing there was no way to leave out what was on its way: a healthy stack always showed differences."""
    plan_id = SystemIds().uuid()
    action = an_action(ACTION, plan_id=plan_id, run_id=run_id(plan_id, RunTrigger.SCHEDULE, DUE, 1))
    await topics.write(action)
    lost = tmp_path / "expected.jsonl"
    lost.write_text(json.dumps({"plan_id": plan_id, "at": format_instant(DUE + timedelta(hours=1))}))

    code, (*differences, counts) = await verified(topics, "--expect", str(lost))
    assert code == 1
    assert sorted(difference["kind"] for difference in differences) == ["lost", "unexpected", "unrecorded"]
    assert (counts["expected"], counts["fired"], counts["rows"]) == (1, 1, 0)

    code, (counts,) = await verified(topics, "--up-to", format_instant(DUE - timedelta(seconds=1)))
    assert (code, counts["fired"]) == (0, 0)
