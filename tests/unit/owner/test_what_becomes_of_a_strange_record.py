"""Records that came to the wrong partition, or whose command cannot be carried out: what is said of them, and to whom."""

from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from planner.owner.changelog import Inputs
from planner.owner.inbox import CalendarCopy, Invalid, read_command
from planner.owner.metrics import OwnerMetrics, ShardMetrics
from planner.owner.outbox import FORWARDED_BYTES_MAX, Outbox
from planner_contracts.topics import COMMAND_BYTES_MAX, REPORT_BYTES_MAX, TopicRole
from support.incoming import COMMANDS_TOPIC, REPORTS_TOPIC, TOKENS, command_data, event, incoming
from support.plans import NOON, ORGANIZATION, TENANT, command_id
from support.shards import PureShard

OUTBOX = Outbox(namespace="t", partition=0, partitions=2, tokens=TOKENS)
BATCH_BYTES = 100
HEADER_BYTES = 10


@pytest.mark.parametrize(("topic", "most"), [(COMMANDS_TOPIC, COMMAND_BYTES_MAX), (REPORTS_TOPIC, REPORT_BYTES_MAX)])
@pytest.mark.parametrize("headers", [[], [("ce_id", b"12345"), ("x", b"")]])
def test_a_record_is_forwarded_up_to_what_its_topic_takes_and_not_beyond(topic: str, most: int, headers: list[tuple[str, bytes]]) -> None:
    key = b"plan-id"
    room = most - BATCH_BYTES - len(key) - sum(len(name) + len(value) + HEADER_BYTES for name, value in headers)
    fits, too_large = (incoming(b"x" * size, topic=topic, headers=headers) for size in (room, room + 1))
    forwarded = OUTBOX.forwarded(fits, key=key, partition=1)
    assert forwarded is not None
    assert (forwarded.partition, forwarded.key, forwarded.value) == (1, key, fits.value)
    assert OUTBOX.forwarded(too_large, key=key, partition=1) is None


def test_a_tombstone_and_a_null_header_are_forwarded_as_they_came() -> None:
    null: Any = [("ce_id", None)]
    record = OUTBOX.forwarded(replace(incoming(None), headers=null), key=b"k", partition=1)
    assert record is not None
    assert (record.value, record.headers) == (None, null)
    assert set(FORWARDED_BYTES_MAX) == {TopicRole.PLAN_COMMANDS, TopicRole.RUN_REPORTS}


def test_a_rejection_goes_to_the_tenant_and_organization_that_its_command_named() -> None:
    found = read_command(incoming(event("plan.update", command_data(patch=7))), partition=0, partitions=1)
    assert isinstance(found, Invalid)
    assert (found.tenant_id, found.organization_id, found.plan_id) == (TENANT, ORGANIZATION, None)
    unnamed = read_command(
        incoming(event("plan.update", {"command_id": command_id("c1"), "tenant_id": 7, "patch": {}})), partition=0, partitions=1
    )
    assert isinstance(unnamed, Invalid)
    assert (unnamed.tenant_id, unnamed.organization_id) == ("", "")


def test_a_copy_of_a_deleted_list_has_the_dates_that_it_had_or_none() -> None:
    head = {
        "command_id": command_id("p1"),
        "tenant_id": TENANT,
        "organization_id": ORGANIZATION,
        "name": "nl",
        "actor": "key:1",
        "origin": 1,
    }
    copied = head | {"at": "2026-03-01T12:00:00Z", "version": 2, "deleted": True, "created": False}
    for dates, kept in ((["2026-12-25"], ("2026-12-25",)), (None, ())):
        found = read_command(incoming(event("calendar.copied", copied | {"dates": dates})), partition=0, partitions=1)
        assert isinstance(found, CalendarCopy)
        assert (found.state.dates, found.state.deleted, found.state.version, found.created) == (kept, True, 2, False)


def test_of_the_records_of_one_tick_each_dead_letter_says_where_its_record_lay() -> None:
    records = [incoming(b"{", offset=offset) for offset in (5, 9)] + [incoming(b"[", topic=REPORTS_TOPIC, offset=9)]
    letters = PureShard().tick(*records, now=NOON).dead_letters
    where = [(dict(letter.headers)["source_topic"], dict(letter.headers)["source_offset"]) for letter in letters]
    assert where == [(b"t.plan.commands", b"5"), (b"t.plan.commands", b"9"), (b"t.run.reports", b"9")]
    assert {dict(letter.headers)["source_timestamp"] for letter in letters} == {b"1772366400000"}


def test_what_a_shard_measures_ends_with_its_tenure() -> None:
    registry = CollectorRegistry()
    shard = ShardMetrics(OwnerMetrics(registry), 3)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, labels)

    shard.taken_over(1.5, offset=42)
    shard.waits(Inputs(commands=7, reports=2))
    assert (value("planner_shards"), value("planner_takeover_seconds_sum"), value("planner_shard_position", partition="3")) == (1, 1.5, 42)
    assert [value("planner_shard_lag_offsets", partition="3", input=name) for name in ("commands", "reports")] == [7, 2]
    shard.failed("failed")
    shard.let_go()
    assert (value("planner_shards"), value("planner_transactions_total", outcome="failed")) == (0, 1)
    assert value("planner_shard_position", partition="3") is None
    assert [value("planner_shard_lag_offsets", partition="3", input=name) for name in ("commands", "reports")] == [None, None]
