from dataclasses import replace
from typing import Final

import pytest

from planner.runtime.broker_release import is_recent
from planner.runtime.topic_admin import ExpectedTopic, SeenTopic, faults_of

WANTED: Final = ExpectedTopic("planner.run.events", 8, {"cleanup.policy": "delete", "retention.ms": "60000"})
AS_WANTED: Final = SeenTopic(8, 3, dict(WANTED.config) | {"min.insync.replicas": "2", "segment.bytes": "1"})


def faults(seen: SeenTopic) -> list[str]:
    return list(faults_of(WANTED, seen, changelog=AS_WANTED))


def test_a_topic_as_declared_has_no_fault_whatever_else_is_set() -> None:
    assert faults(AS_WANTED) == []


@pytest.mark.parametrize(
    ("seen", "fault"),
    [
        (replace(AS_WANTED, partitions=4), "planner.run.events has 4 partitions, not 8"),
        (replace(AS_WANTED, replication=1), "planner.run.events has 1 replicas, the changelog 3"),
        (
            replace(AS_WANTED, config=dict(AS_WANTED.config) | {"cleanup.policy": "compact"}),
            "planner.run.events has cleanup.policy=compact, not delete",
        ),
        (replace(AS_WANTED, config=dict(AS_WANTED.config) | {"retention.ms": "1"}), "planner.run.events has retention.ms=1, not 60000"),
        (
            replace(AS_WANTED, config=dict(AS_WANTED.config) | {"min.insync.replicas": "1"}),
            "planner.run.events has min.insync.replicas=1, the changelog 2",
        ),
    ],
)
def test_what_is_other_than_declared_is_named(seen: SeenTopic, fault: str) -> None:
    assert faults(seen) == [fault]


def test_everything_that_is_wrong_is_named_at_once() -> None:
    assert len(faults(SeenTopic(1, 1, {"min.insync.replicas": "1"}))) == 5


@pytest.mark.parametrize(
    ("answered", "recent"),
    [
        ([(0, 0, 10), (1, 0, 16)], True),
        ([(1, 0, 17), (0, 3, 13)], True),
        ([(0, 0, 9), (1, 0, 16)], False),
        ([(1, 0, 17)], False),
        ([], False),
    ],
    ids=["3.7", "4.3", "3.6", "no produce", "nothing"],
)
def test_a_broker_is_judged_by_the_versions_of_the_produce_request(answered: list[tuple[int, int, int]], recent: bool) -> None:
    assert is_recent(answered) is recent
