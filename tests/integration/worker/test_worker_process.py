"""`planner worker module:worker` as a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from planner.runtime.clock import SystemIds
from planner.runtime.lifecycle import EXIT_REFUSED
from planner.worker import PlannerWorker, Run
from support.actions import ActionTopics, action_topics, an_action
from support.until import until

ACTION = "content.publish"
MODULE = """
import asyncio
from planner.worker import PlannerWorker, Run

worker = PlannerWorker({kafka!r}, {group!r}, namespace={namespace!r}, name="process")

@worker.action("content.publish")
async def publish(run: Run) -> None:
    if run.payload["hangs"]:
        await asyncio.Event().wait()
"""


@pytest.fixture
async def topics(kafka: str) -> AsyncIterator[ActionTopics]:
    async with action_topics(kafka, f"p{SystemIds().uuid()[:8]}", ACTION) as made:
        yield made


@asynccontextmanager
async def worker_process(topics: ActionTopics, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    (folder / "publishing.py").write_text(MODULE.format(kafka=topics.kafka, group=topics.namespace, namespace=topics.namespace))
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "planner.worker", "publishing:worker", cwd=folder)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_run_whose_worker_is_killed_is_delivered_again_with_the_same_run_id(topics: ActionTopics, tmp_path: Path) -> None:
    done, hung = an_action(ACTION, payload={"hangs": False}), an_action(ACTION, payload={"hangs": True})
    await topics.write(done, hung, key=b"one key")
    async with worker_process(topics, tmp_path) as process:
        await until(lambda: is_reported(topics, hung.run_id, ["executing"]), what="the second run has begun", within_s=20)
        await until(lambda: committed(topics, 1), what="the first run's offset is committed")
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
    worker = PlannerWorker(topics.kafka, topics.namespace, namespace=topics.namespace)
    performed: list[str] = []

    @worker.action(ACTION)
    async def publish(run: Run[dict[str, bool]]) -> None:
        performed.append(run.id)

    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run(stop))
        await until(
            lambda: is_reported(topics, hung.run_id, ["executing", "executing", "completed"]),
            what="the run is done when the group has noticed the death",
            within_s=40,
        )
        stop.set()
    assert performed == [hung.run_id]
    assert await is_reported(topics, done.run_id, ["executing", "completed"])


async def test_sigterm_ends_the_process_in_order(topics: ActionTopics, tmp_path: Path) -> None:
    done = an_action(ACTION, payload={"hangs": False})
    await topics.write(done)
    async with worker_process(topics, tmp_path) as process:
        await until(lambda: is_reported(topics, done.run_id, ["executing", "completed"]), what="the run is done", within_s=20)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 10) == 0
    assert await committed(topics, 1)


async def is_reported(topics: ActionTopics, run_id: str, states: list[str]) -> bool:
    return await topics.states(run_id) == states


async def committed(topics: ActionTopics, offsets: int) -> bool:
    return sum((await topics.committed(topics.namespace, ACTION)).values()) == offsets


async def test_a_worker_that_there_is_not_is_refused_in_a_sentence(tmp_path: Path) -> None:
    """Under `planner up` it ended in a traceback, with the exit code of a crash, and was started again and again."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "planner.worker", "publishing:worker", cwd=tmp_path, stdout=pipe, stderr=pipe
    )
    async with asyncio.timeout(30):
        _, told = await process.communicate()
    assert process.returncode == EXIT_REFUSED
    assert told.decode().splitlines()[-1] == "planner worker: there is no module publishing in the current folder or the installed packages"
    assert b"Traceback" not in told
