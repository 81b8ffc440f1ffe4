"""The kit on a real broker: what is reported, what is committed, what comes again."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from planner.runtime.clock import SystemClock, SystemIds
from planner.worker import Permanent, PlannerWorker, Retryable, Run
from planner.worker.control_reader import CLOCKS_APART_MS
from planner_contracts.action import CONTROL_TYPE, Action
from planner_contracts.envelope import CONTENT_TYPE, Envelope, encode
from planner_contracts.partitioning import partition_for
from planner_contracts.run_report import ReportedError
from planner_contracts.topics import TopicRole, topic
from support.actions import ActionTopics, Reported, action_topics, an_action
from support.until import until

ACTION = "content.publish"
CLOCKS_APART = timedelta(milliseconds=CLOCKS_APART_MS)


class PublishPayload(BaseModel):
    content_id: int


class PublishResult(BaseModel):
    url: str


@pytest.fixture
async def topics(kafka: str) -> AsyncIterator[ActionTopics]:
    async with action_topics(kafka, f"w{SystemIds().uuid()[:8]}", ACTION) as made:
        yield made


def a_worker(topics: ActionTopics, *, concurrency: int = 16, drain_s: float = 30) -> PlannerWorker:
    return PlannerWorker(
        topics.kafka, f"{topics.namespace}-group", namespace=topics.namespace, name="worker one", concurrency=concurrency, drain_s=drain_s
    )


@asynccontextmanager
async def at_work(worker: PlannerWorker) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run(stop))
        try:
            yield stop
        finally:
            stop.set()


async def committed_everything(topics: ActionTopics, count: int) -> bool:
    committed = await topics.committed(f"{topics.namespace}-group", ACTION)
    return sum(committed.values()) == count


async def test_a_run_is_reported_executing_and_completed_with_its_result_and_token(topics: ActionTopics) -> None:
    worker = a_worker(topics)

    @worker.action(ACTION)
    async def publish(run: Run[PublishPayload]) -> PublishResult:
        return PublishResult(url=f"https://example.org/{run.payload.content_id}/{run.attempt}")

    action = an_action(ACTION, payload={"content_id": 7}, attempt=2)
    await topics.write(action)
    async with at_work(worker):
        first, second = await until(lambda: two_reports(topics), what="two reports")
        await until(lambda: committed_everything(topics, 1), what="the offset is committed")
    assert (first.report.state, second.report.state) == ("executing", "completed")
    assert second.report.result == {"url": "https://example.org/7/2"}
    for reported in (first, second):
        assert (reported.report.run_id, reported.report.plan_id) == (action.run_id, action.plan_id)
        assert (reported.report.report_token, reported.report.worker) == ("k1.token", "worker one")
        assert reported.record.key == action.plan_id.encode()
        assert reported.record.partition == partition_for(reported.record.key, topics.partitions)
        assert list(reported.record.headers) == [("content-type", CONTENT_TYPE.encode())]
        envelope = json.loads(reported.record.value or b"")
        assert (envelope["type"], envelope["subject"], envelope["tenantid"]) == ("planner.run.report", action.run_id, "acme")


async def two_reports(topics: ActionTopics) -> tuple[Reported, Reported] | None:
    reports = await topics.reports()
    return (reports[0], reports[1]) if len(reports) == 2 else None


async def reports_seen(topics: ActionTopics, count: int) -> bool:
    return len(await topics.reports()) >= count


async def reports_of_end(topics: ActionTopics, count: int) -> bool:
    return sum(reported.report.state != "executing" for reported in await topics.reports()) >= count


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (Permanent("GONE", "no such content"), ReportedError(code="GONE", message="no such content", retryable=False)),
        (Retryable("BUSY"), ReportedError(code="BUSY", message="", retryable=True)),
        (KeyError("content_id"), ReportedError(code="HANDLER_FAILED", message="KeyError: 'content_id'", retryable=True)),
        (asyncio.CancelledError(), ReportedError(code="HANDLER_FAILED", message="the handler was cancelled from within", retryable=True)),
    ],
)
async def test_what_a_handler_raises_is_how_the_run_failed(topics: ActionTopics, raised: BaseException, error: ReportedError) -> None:
    worker = a_worker(topics)

    @worker.action(ACTION)
    async def publish(run: Run[Any]) -> None:
        raise raised

    await topics.write(an_action(ACTION))
    async with at_work(worker):
        executing, failed = await until(lambda: two_reports(topics), what="two reports")
    assert executing.report.state == "executing"
    assert failed.report.state == "failed"
    assert failed.report.error == error


async def test_an_invalid_payload_fails_for_good_without_reaching_the_handler(topics: ActionTopics) -> None:
    worker = a_worker(topics)
    reached: list[str] = []

    @worker.action(ACTION)
    async def publish(run: Run[PublishPayload]) -> None:
        reached.append(run.id)

    await topics.write(an_action(ACTION, payload={"content_id": "seven"}))
    async with at_work(worker):
        await until(lambda: reports_of_end(topics, 1), what="the failure is reported")
    (failed,) = await topics.reports()
    assert failed.report.error is not None
    assert (failed.report.error.code, failed.report.error.retryable) == ("PAYLOAD_INVALID", False)
    assert failed.report.error.message.startswith("/content_id: ")
    assert reached == []


async def test_records_that_are_no_actions_are_passed_by_and_block_nothing(topics: ActionTopics) -> None:
    worker = a_worker(topics)

    @worker.action(ACTION)
    async def publish(run: Run[Any]) -> None:
        pass

    key = b"one key, so that all are in one partition"
    await topics.write_raw(ACTION, key, b"not JSON")
    await topics.write_raw(ACTION, key, None)
    await topics.write_raw(ACTION, key, b"\xff\xfe", [("content-type", b"\xff")])
    await topics.write_raw(ACTION, key, b'{"specversion":"1.0","id":"i","source":"s","type":"planner.action.other","data":{}}')
    await topics.write_raw(ACTION, key, b'{"specversion":"1.0","id":"i","source":"s","type":"planner.action.content.publish","data":{}}')
    action = an_action(ACTION)
    await topics.write(action, key=key)
    async with at_work(worker):
        await until(lambda: reports_of_end(topics, 1), what="the action behind the poison is done")
        await until(lambda: committed_everything(topics, 6), what="all six records are committed")
    assert {reported.report.run_id for reported in await topics.reports()} == {action.run_id}


async def test_runs_of_one_key_keep_their_order_while_other_keys_overtake(topics: ActionTopics) -> None:
    worker = a_worker(topics, concurrency=4)
    order: list[tuple[str, int]] = []
    others_done = asyncio.Event()

    @worker.action(ACTION)
    async def publish(run: Run[dict[str, Any]]) -> None:
        if run.payload["key"] == "slow" and run.payload["n"] == 0:
            await others_done.wait()
        order.append((run.payload["key"], run.payload["n"]))
        if len(order) == 8:
            others_done.set()

    for n in range(4):
        for key in ("slow", "quick one", "quick two"):
            await topics.write(an_action(ACTION, payload={"key": key, "n": n}), key=key.encode())
    async with at_work(worker):
        await until(lambda: reports_of_end(topics, 12), what="all twelve are done")
    for key in ("slow", "quick one", "quick two"):
        assert [n for done, n in order if done == key] == [0, 1, 2, 3]
    assert order[-4:] == [("slow", n) for n in range(4)]


async def test_no_more_runs_at_once_than_the_concurrency(topics: ActionTopics) -> None:
    worker = a_worker(topics, concurrency=3)
    at_once: list[int] = []
    running: set[str] = set()
    gate = asyncio.Event()

    @worker.action(ACTION)
    async def publish(run: Run[Any]) -> None:
        running.add(run.id)
        at_once.append(len(running))
        await gate.wait()
        await asyncio.sleep(0)
        running.remove(run.id)

    await topics.write(*(an_action(ACTION) for _ in range(30)))
    async with at_work(worker):
        await until(lambda: len(running) == 3, what="three are under way")
        gate.set()
        await until(lambda: reports_of_end(topics, 30), what="all thirty are done")
    assert max(at_once) == 3


async def test_a_silent_handler_is_kept_alive_by_heartbeats_which_repeat_its_progress(topics: ActionTopics) -> None:
    worker = a_worker(topics)
    beaten = asyncio.Event()

    @worker.action(ACTION)
    async def publish(run: Run[Any]) -> None:
        await run.heartbeat({"step": 1})
        await beaten.wait()

    await topics.write(an_action(ACTION, heartbeat_timeout_seconds=1))
    async with at_work(worker):
        await until(lambda: reports_seen(topics, 4), what="the kit's own heartbeats")
        beaten.set()
        await until(lambda: reports_of_end(topics, 1), what="the run is done")
    states = [(reported.report.state.value, reported.report.progress) for reported in await topics.reports()]
    assert states[:2] == [("executing", None), ("executing", {"step": 1})]
    assert len(states) >= 5
    assert all(state == ("executing", {"step": 1}) for state in states[2:-1])
    assert states[-1] == ("completed", {"step": 1})


async def test_nothing_is_committed_while_a_run_is_under_way(topics: ActionTopics) -> None:
    worker = a_worker(topics)
    release = asyncio.Event()

    @worker.action(ACTION)
    async def publish(run: Run[dict[str, Any]]) -> None:
        if run.payload["waits"]:
            await release.wait()

    key = partition_mates(topics)
    await topics.write(an_action(ACTION, payload={"waits": True}), key=key[0])
    await topics.write(an_action(ACTION, payload={"waits": False}), key=key[1])
    async with at_work(worker):
        await until(lambda: reports_of_end(topics, 1), what="the second run is done")
        assert sum((await topics.committed(f"{topics.namespace}-group", ACTION)).values()) == 0
        release.set()
        await until(lambda: committed_everything(topics, 2), what="both are committed")


def partition_mates(topics: ActionTopics) -> list[bytes]:
    keys = (f"key {number}".encode() for number in range(1000))
    return [key for key in keys if partition_for(key, topics.partitions) == 0][:2]


async def test_a_stop_lets_what_has_begun_end_and_begins_nothing_more(topics: ActionTopics) -> None:
    worker = a_worker(topics, concurrency=1)
    begun: list[str] = []
    release = asyncio.Event()

    @worker.action(ACTION)
    async def publish(run: Run[Any]) -> None:
        begun.append(run.id)
        await release.wait()

    actions = [an_action(ACTION) for _ in range(5)]
    await topics.write(*actions, key=b"one key")
    async with at_work(worker) as stop:
        await until(lambda: begun, what="the first run has begun")
        stop.set()
        await asyncio.sleep(0)
        release.set()
    assert begun == [actions[0].run_id]
    await until(lambda: reports_of_end(topics, 1), what="the run that had begun is reported completed")
    assert {reported.report.run_id for reported in await topics.reports()} == {actions[0].run_id}
    assert await committed_everything(topics, 1)


async def test_a_run_that_outlasts_the_drain_is_cut_off_and_comes_again_with_the_same_id(topics: ActionTopics) -> None:
    action = an_action(ACTION)
    await topics.write(action)
    begun: list[str] = []

    async def hang(run: Run[Any]) -> None:
        begun.append(run.id)
        await asyncio.Event().wait()

    async def succeed(run: Run[Any]) -> None:
        begun.append(run.id)

    first = a_worker(topics, drain_s=0.05)
    first.action(ACTION)(hang)
    async with at_work(first):
        await until(lambda: begun, what="the run has begun")
    assert not await reports_of_end(topics, 1)
    second = a_worker(topics)
    second.action(ACTION)(succeed)
    async with at_work(second):
        await until(lambda: reports_of_end(topics, 1), what="the run is done")
    assert begun == [action.run_id, action.run_id]


async def test_a_second_member_takes_over_and_what_is_under_way_is_not_begun_again_by_the_first(topics: ActionTopics) -> None:
    begun: list[tuple[str, str]] = []
    release = asyncio.Event()

    def member(name: str) -> PlannerWorker:
        worker = a_worker(topics)

        @worker.action(ACTION)
        async def publish(run: Run[Any]) -> None:
            begun.append((name, run.id))
            await release.wait()

        return worker

    # Once in a hundred runs all eight fell into one partition, and the member with the other one had nothing to begin.
    actions = [an_action(ACTION, plan_id=plan_id) for plan_id in plans_in_each_partition(topics, 4)]
    await topics.write(*actions)
    async with at_work(member("first")):
        await until(lambda: len(begun) == 8, what="all have begun")
        async with at_work(member("second")):
            # The first waits for its runs before it lets the partitions go, then both go on.
            await until(lambda: any(name == "second" for name, _ in begun), what="the second member has a partition", within_s=20)
            release.set()
            await until(lambda: committed_everything(topics, 8), what="all are committed", within_s=20)
    of_first = [run for name, run in begun if name == "first"]
    assert sorted(of_first) == sorted({action.run_id for action in actions})
    assert {run for _, run in begun} == {action.run_id for action in actions}


async def test_an_action_is_performed_while_the_topics_of_others_are_yet_to_be_made(topics: ActionTopics) -> None:
    """The sample worker did nothing for as long as nobody had used all of its actions: a consumer that is started with topic names waits
    until each of them exists. Every test before this one had made all topics that its worker named.
    """
    worker = a_worker(topics)
    performed: list[str] = []

    async def perform(run: Run[dict[str, int]]) -> None:
        performed.append(run.id)

    worker.action(ACTION)(perform)
    worker.action("content.remove")(perform)
    early, late = an_action(ACTION), an_action("content.remove")
    await topics.write(early)
    async with at_work(worker):
        await until(lambda: performed == [early.run_id], what="the action with a topic is performed")
        await topics.make_topic(topic(topics.namespace, TopicRole.ACTION, "content.remove"))
        await topics.write(late)
        await until(lambda: performed == [early.run_id, late.run_id], what="the new topic is seen", within_s=20)


async def test_topics_whose_names_only_begin_alike_are_left_alone(topics: ActionTopics) -> None:
    longer = f"{ACTION}.all"
    await topics.make_topic(topic(topics.namespace, TopicRole.ACTION, longer))
    foreign, own = an_action(longer), an_action(ACTION)
    await topics.write(foreign)
    await topics.write(own)
    worker = a_worker(topics)
    worker.action(ACTION)(accept)
    async with at_work(worker):
        await until(lambda: two_reports(topics), what="two reports")
    assert {reported.report.run_id for reported in topics.reported} == {own.run_id}


def plans_in_each_partition(topics: ActionTopics, count: int) -> list[str]:
    """Ids of so many plans in every partition."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    while len(found) < topics.partitions or any(len(plans) < count for plans in found.values()):
        plan_id = SystemIds().uuid()
        found[topics.partition(plan_id.encode())].append(plan_id)
    return [plan_id for plans in found.values() for plan_id in plans[:count]]


async def accept(run: Run[dict[str, int]]) -> None: ...


async def test_a_run_that_its_owner_ends_meanwhile_is_told_so_and_the_next_one_of_its_key_follows(topics: ActionTopics) -> None:
    worker = a_worker(topics)
    ended: list[str] = []

    @worker.action(ACTION)
    async def publish(run: Run[dict[str, Any]]) -> None:
        await until(lambda: run.cancel_requested or run.payload == {"quick": True}, what="it may end", within_s=20)
        ended.append(run.id)

    first = an_action(ACTION)
    second = an_action(ACTION, plan_id=first.plan_id, payload={"quick": True})
    async with at_work(worker):
        await topics.write(first)
        await until(lambda: _begun(topics, first.run_id), what="the first one has begun", within_s=20)
        await topics.write(second)
        await topics.append(TopicRole.CONTROL, asked_to_stop(first), action=ACTION)
        await until(lambda: ended == [first.run_id, second.run_id], what="both have ended", within_s=20)


async def _begun(topics: ActionTopics, run_id: str) -> bool:
    return "executing" in await topics.states(run_id)


def asked_to_stop(action: Action) -> bytes:
    data = {"run_id": action.run_id, "plan_id": action.plan_id, "reason": "CANCELLED"}
    return encode(Envelope(f"{action.run_id}/cancel", "planner/owner", CONTROL_TYPE, None, action.run_id, "acme", "acme-eu", data))


async def test_requests_are_read_from_the_time_of_the_oldest_run_that_is_handed_out(topics: ActionTopics) -> None:
    """A worker read the requests of seven days at each start before it knew those that mattered: with millions of them for minutes.

    None is older than its run, but for what two brokers' clocks are apart; so one from a day before shows that it was not read.
    """
    worker = a_worker(topics)
    begun: list[str] = []

    @worker.action(ACTION)
    async def publish(run: Run[Any]) -> None:
        begun.append(run.id)

    now = SystemClock().now()
    before, stopped, behind, last = (an_action(ACTION) for _ in range(4))
    await topics.append(TopicRole.CONTROL, asked_to_stop(before), action=ACTION, at=now - timedelta(days=1))
    await topics.append(TopicRole.CONTROL, asked_to_stop(behind), action=ACTION, at=now - timedelta(hours=2) - CLOCKS_APART / 2)
    await topics.append(TopicRole.CONTROL, asked_to_stop(stopped), action=ACTION, at=now - CLOCKS_APART / 2)
    await topics.write(before, stopped, key=b"key", at=now)
    async with at_work(worker):
        await until(lambda: reports_of_end(topics, 1), what="the first one is done", within_s=20)
        # As it comes from a member that has died: older than all that this worker was handed before.
        await topics.write(behind, key=b"key", at=now - timedelta(hours=2))
        await topics.write(last, key=b"key", at=now)
        await until(lambda: reports_of_end(topics, 2), what="the last one is done", within_s=20)
        await until(lambda: committed_everything(topics, 4), what="all four are committed", within_s=20)
    assert begun == [before.run_id, last.run_id]
