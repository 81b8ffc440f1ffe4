"""What is published is the contract, field for field: the records that msgspec writes against the pydantic models."""

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from msgspec import structs

from planner.domain.missed import Skip
from planner.domain.plan import PlanRevision
from planner.domain.run import Run
from planner.owner.outbox import Outbox, Record, Subject
from planner_contracts import envelope
from planner_contracts.action import Action
from planner_contracts.envelope import HEADERS, Envelope
from planner_contracts.instants import format_instant
from planner_contracts.message import Message
from planner_contracts.partitioning import partition_for
from planner_contracts.plan_event import CommandRejected, PlanCompleted, PlanEventType
from planner_contracts.run import RunError, RunReason, RunState, RunTrigger
from planner_contracts.run_event import OccurrenceSkipped, RunChanged, SkipReason
from support.incoming import COMMANDS_TOPIC, TOKENS, incoming
from support.plans import MINUTELY, NOON, ONCE, ORGANIZATION, TENANT, Book
from support.runs import a_run

OUTBOX: Final = Outbox(namespace="t", partition=3, partitions=4, tokens=TOKENS)
FRACTION: Final = timedelta(microseconds=120_000)
RUN: Final = a_run(plan_revision=2, due_at=NOON + FRACTION, published_at=NOON + timedelta(seconds=1))
PLAN: Final = RUN.plan_id
EXECUTING: Final = structs.replace(
    RUN, state=RunState.EXECUTING, sequence=2, started_at=NOON + FRACTION, worker="wörker", progress={"é": [1, 0.5, None]}
)
FAILED: Final = structs.replace(
    EXECUTING, state=RunState.FAILED, sequence=3, finished_at=NOON, error={"code": "E", "message": "\u2028", "retryable": False}
)
LOST: Final = structs.replace(RUN, state=RunState.FAILED, sequence=2, finished_at=NOON + FRACTION, reason=RunReason.NOT_REPORTED)
COMPLETED: Final = structs.replace(
    EXECUTING, state=RunState.COMPLETED, sequence=3, finished_at=NOON + FRACTION, result={"n": 10**30, "f": 1e-7}
)


def a_revision(given: dict[str, Any]) -> PlanRevision:
    book = Book()
    return book.revisions[book.made(given)]


def written(record: Record) -> dict[str, Any]:
    assert record.value is not None
    document: dict[str, Any] = json.loads(record.value)
    return document


def by_the_contract(data: Message, *, event_id: str, kind: str, subject: str, at: datetime) -> dict[str, Any]:
    encoded = envelope.encode(
        Envelope(
            id=event_id,
            source="/t/owner/3",
            type=kind,
            time=at,
            subject=subject,
            tenant_id=TENANT,
            organization_id=ORGANIZATION,
            data=data.model_dump(mode="json", by_alias=True),
        )
    )
    document: dict[str, Any] = json.loads(encoded)
    return document


def the_run(run: Run, next_run_at: datetime | None) -> RunChanged:
    return RunChanged(
        id=run.run_id,
        plan_id=run.plan_id,
        plan_revision=run.plan_revision,
        tenant_id=run.tenant_id,
        organization_id=run.organization_id,
        action=run.action,
        trigger=run.trigger,
        attempt=run.attempt,
        scheduled_for=run.scheduled_for,
        due_at=run.due_at,
        published_at=run.published_at,
        lateness_ms=880.0,
        state=run.state,
        started_at=run.started_at,
        finished_at=run.finished_at,
        worker=run.worker,
        progress=run.progress,
        result=run.result,
        error=None if run.error is None else RunError(**run.error),
        reason=run.reason,
        sequence=run.sequence,
        next_run_at=next_run_at,
    )


@pytest.mark.parametrize("next_run_at", [None, NOON, NOON + FRACTION])
@pytest.mark.parametrize("run", [RUN, EXECUTING, FAILED, LOST, COMPLETED], ids=lambda run: f"{run.state}-{run.sequence}")
def test_a_run_event_is_the_contracts_text_in_the_contracts_order(run: Run, next_run_at: datetime | None) -> None:
    at = NOON + FRACTION
    record = OUTBOX.run_event(run, at=at, next_run_at=next_run_at)
    data = the_run(run, next_run_at)
    expected = by_the_contract(data, event_id=f"{run.run_id}/{run.sequence}", kind=f"planner.run.{run.state}", subject=run.run_id, at=at)
    assert json.dumps(written(record)) == json.dumps(expected)
    assert (record.topic, record.partition, record.key, record.headers) == ("t.run.events", 3, PLAN.encode(), HEADERS)


@pytest.mark.parametrize("published_at", [NOON, NOON + FRACTION, NOON + timedelta(microseconds=1)])
@pytest.mark.parametrize("ordering_key", [None, "customer-ü"])
def test_an_action_is_the_contracts_text_in_the_contracts_order(ordering_key: str | None, published_at: datetime) -> None:
    revision = a_revision(ONCE | {"ordering_key": ordering_key, "payload": {"ü": [{"a": None}, 1.5, True]}, "timezone": "Europe/Amsterdam"})
    run = structs.replace(RUN, published_at=published_at, due_at=NOON, ordering_key=ordering_key)
    record = OUTBOX.action(run, revision)
    data = Action(
        run_id=run.run_id,
        plan_id=run.plan_id,
        plan_revision=2,
        tenant_id=TENANT,
        organization_id=ORGANIZATION,
        action="content.publish",
        scheduled_for=run.scheduled_for,
        due_at=run.due_at,
        published_at=published_at,
        attempt=1,
        trigger=RunTrigger.SCHEDULE,
        payload=revision.document["payload"],
        timezone="Europe/Amsterdam",
        report_token=TOKENS.sign(run.run_id, TENANT),
        report_deadline=None,
        heartbeat_timeout_seconds=None,
    )
    expected = by_the_contract(data, event_id=run.run_id, kind="planner.action.content.publish", subject=run.run_id, at=published_at)
    assert json.dumps(written(record)) == json.dumps(expected)
    key = (ordering_key or PLAN).encode()
    assert (record.topic, record.key, record.headers) == ("t.action.content.publish", key, HEADERS)
    assert record.partition == (3 if ordering_key is None else partition_for(key, 4))


def test_every_text_of_an_action_is_readable_by_a_strict_reader() -> None:
    record = OUTBOX.action(RUN, a_revision(ONCE | {"payload": {"a": '\u2028 \U0001f600 " \\ \n'}}))
    read = envelope.decode(record.value, list(record.headers))
    assert Action.model_validate(read.data).payload == {"a": '\u2028 \U0001f600 " \\ \n'}


def test_a_completed_plan_is_the_contracts_text() -> None:
    revision = a_revision(MINUTELY)
    record = OUTBOX.completed(revision, at=NOON + FRACTION)
    data = PlanCompleted(plan_id=revision.plan_id, revision=1, at=NOON + FRACTION)
    kind, event_id = PlanEventType.COMPLETED, f"{revision.plan_id}/completed/1"
    expected = by_the_contract(data, event_id=event_id, kind=kind, subject=revision.plan_id, at=NOON + FRACTION)
    assert json.dumps(written(record)) == json.dumps(expected)
    assert (record.topic, record.partition, record.key) == ("t.plan.events", 3, revision.plan_id.encode())


def test_a_single_skip_names_its_time_and_a_range_both_ends() -> None:
    revision = a_revision(MINUTELY)
    later = NOON + timedelta(hours=1)
    single = OUTBOX.skipped(Skip(SkipReason.MISSED, NOON, NOON, 1, None), revision, at=NOON, next_run_at=later)
    several = OUTBOX.skipped(Skip(SkipReason.COALESCED, NOON, later, None, later), revision, at=NOON, next_run_at=None)
    one, many = written(single)["data"], written(several)["data"]
    assert (one["scheduled_for"], one["from"], one["to"], one["count"], one["next_run_at"]) == (
        format_instant(NOON),
        None,
        None,
        None,
        format_instant(later),
    )
    assert (many["scheduled_for"], many["from"], many["to"], many["count"], many["into"]) == (
        None,
        format_instant(NOON),
        format_instant(later),
        None,
        format_instant(later),
    )
    assert OccurrenceSkipped.model_validate(many).last == later
    assert written(single)["id"] != written(several)["id"]
    assert (single.topic, single.key) == ("t.run.events", revision.plan_id.encode())


def test_a_plan_event_goes_to_the_shards_own_partition_under_the_plans_key() -> None:
    event = CommandRejected(command_id="c", plan_id=None, code="X", status=422, detail="d", errors=[], at=NOON)
    record = OUTBOX.plan_event("e1", PlanEventType.COMMAND_REJECTED, event, about=Subject("c", TENANT, ORGANIZATION), at=NOON)
    assert (record.topic, record.partition, record.key) == ("t.plan.events", 3, b"c")
    assert written(record)["data"]["command_id"] == "c"


def test_a_dead_letter_is_the_record_as_it_came_with_why() -> None:
    source = incoming(b"\xff no json", offset=17, headers=[("x", b"1")])
    record = OUTBOX.dead_letter(source, reason="NOT_AN_EVENT", detail="not JSON: ü")
    assert (record.topic, record.partition, record.key, record.value) == ("t.dead-letters", 0, source.key, source.value)
    assert dict(record.headers) == {
        "x": b"1",
        "reason": b"NOT_AN_EVENT",
        "detail": "not JSON: ü".encode(),
        "source_topic": COMMANDS_TOPIC.encode(),
        "source_partition": b"0",
        "source_offset": b"17",
        "source_timestamp": b"1772366400000",
    }


def test_a_forwarded_record_keeps_its_value_and_headers() -> None:
    # A console producer's command stopped its shard for good: it came to the wrong partition, a consumer gives headers as a tuple, and a
    # batch takes them as a list only, so every tick failed anew. Tests had made records with lists.
    source = replace(incoming(b"{}"), headers=(("x", b"1"),))
    record = OUTBOX.forwarded(source, key=b"plan", partition=2)
    assert record == Record(COMMANDS_TOPIC, 2, b"plan", b"{}", [("x", b"1")])
