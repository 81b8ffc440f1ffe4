"""A batch is recorded whole; a record that no row can hold is found and buried, and never takes another one with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry

from planner.recorder.metrics import RecorderMetrics
from planner.recorder.recording import INVALID, REFUSED, Recording
from planner.recorder.run_store import PositionMovedError
from planner.recorder.source import Partition, SourceRecord
from planner.runtime.failures import UnavailableError
from planner_contracts.topics import TopicRole
from support.memory_run_store import MemoryDeadLetters, MemoryRunStore
from support.records import Message, Story

STORY = Story()
PLACE = Partition("planner.run.events", 0)
OTHER = Partition("planner.run.events", 1)


@dataclass
class Stage:
    """A recording on a run store in memory."""

    store: MemoryRunStore = field(default_factory=MemoryRunStore)
    dead_letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    def __post_init__(self) -> None:
        self._recording = Recording(self.store, self.dead_letters, RecorderMetrics(self.registry))

    async def take(self, records: Sequence[SourceRecord], *, behind: int = 0) -> None:
        """All of partition 0 from its beginning; reading has come so far behind the last of them."""
        await self._recording.take(records, {PLACE: 0}, {PLACE: len(records) + behind})

    async def take_both(self, records: Sequence[SourceRecord], ends: dict[Partition, int]) -> None:
        await self._recording.take(records, dict.fromkeys(ends, 0), ends)


def runs(count: int) -> list[SourceRecord]:
    return [STORY.run(minute).at(minute) for minute in range(count)]


def refusing(*minutes: int) -> Stage:
    return Stage(MemoryRunStore(refuses=frozenset(STORY.run_id(minute) for minute in minutes)))


async def test_a_batch_is_one_write_and_moves_the_position_past_what_readers_do_not_see() -> None:
    stage = Stage()
    await stage.take(runs(5), behind=2)
    assert (stage.store.attempts, stage.store.places) == ([5], {PLACE: 7})


async def test_a_record_of_which_no_row_can_be_made_is_buried_and_the_position_passes_it() -> None:
    stage = Stage()
    await stage.take([STORY.run(0).at(0), Message(TopicRole.RUN_EVENTS, "k", b"{").at(1)])
    assert (stage.dead_letters.offsets(INVALID), stage.store.runs, stage.store.places) == ([1], {STORY.run_id(0): "pending"}, {PLACE: 2})
    assert stage.registry.get_sample_value("planner_recorder_dead_letters_total", {"reason": INVALID}) == 1


@pytest.mark.parametrize("bad", range(7))
async def test_the_one_record_that_the_store_refuses_is_found_wherever_it_stands(bad: int) -> None:
    stage = refusing(bad)
    await stage.take(runs(7))
    assert stage.dead_letters.offsets(REFUSED) == [bad]
    assert stage.store.runs.keys() == {STORY.run_id(minute) for minute in range(7)} - {STORY.run_id(bad)}
    assert stage.store.places == {PLACE: 7}
    assert f"no row for ['{STORY.run_id(bad)}']" in stage.dead_letters.kept[0][2]


async def test_several_that_are_refused_are_buried_in_their_order_and_the_others_stay_in_theirs() -> None:
    stage = refusing(0, 3, 4)
    await stage.take(runs(5))
    assert (stage.dead_letters.offsets(REFUSED), list(stage.store.runs)) == ([0, 3, 4], [STORY.run_id(1), STORY.run_id(2)])


async def test_one_in_many_costs_few_writes() -> None:
    stage = refusing(37)
    await stage.take(runs(64))
    assert len(stage.store.attempts) < 20
    assert stage.dead_letters.offsets(REFUSED) == [37]


async def test_a_batch_that_is_refused_whole_leaves_the_positions_behind_its_last_records() -> None:
    stage = refusing(0, 1, 2)
    await stage.take(runs(3), behind=9)
    assert (stage.dead_letters.offsets(REFUSED), stage.store.places, stage.store.runs) == ([0, 1, 2], {PLACE: 3}, {})


async def test_a_divided_batch_moves_each_partition_by_its_own_records() -> None:
    stage = refusing(1)
    records = [*runs(3), *(STORY.run(minute).at(minute - 3, partition=1) for minute in (3, 4))]
    await stage.take_both(records, {PLACE: 3, OTHER: 2})
    assert stage.store.places == {PLACE: 3, OTHER: 2}
    assert len(stage.store.runs) == 4


async def test_a_position_that_another_recorder_has_moved_ends_the_batch_with_nothing_written() -> None:
    stage = Stage(MemoryRunStore(places={PLACE: 4}))
    with pytest.raises(PositionMovedError):
        await stage.take(runs(3))
    assert (stage.store.runs, stage.store.places) == ({}, {PLACE: 4})


@pytest.mark.parametrize("away", ["store", "dead letters"])
async def test_what_is_away_ends_the_batch_before_the_position_has_passed_what_is_not_kept(away: str) -> None:
    stage = refusing(1)
    stage.store.away, stage.dead_letters.away = away == "store", away == "dead letters"
    with pytest.raises(UnavailableError):
        await stage.take(runs(2))
    assert stage.store.places.get(PLACE, 0) <= 1
    assert stage.registry.get_sample_value("planner_recorder_dead_letters_total", {"reason": REFUSED}) is None
