"""Which actions a plan may name, and what becomes of one whose topics cannot be made."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest

from planner.owner.action_topics import ActionTopics
from planner.runtime.failures import StartupRefusedError, UnavailableError


@dataclass
class Broker:
    """Topics by action."""

    topics: set[str]
    failure: Exception | None = None
    asked: list[str] = field(default_factory=list)

    async def existing(self, actions: Iterable[str]) -> frozenset[str]:
        asked = frozenset(actions)
        self.asked += sorted(asked)
        return asked & self.topics

    async def make(self, action: str) -> None:
        if self.failure is not None and action == "refused":
            raise self.failure
        self.topics.add(action)


async def test_a_closed_deployment_knows_only_what_is_registered_and_asks_once() -> None:
    broker = Broker({"a"})
    topics = ActionTopics(broker, open_to_new=False)
    await topics.look_up(["a", "b"])
    await topics.look_up(["a"])
    assert (topics.known, broker.topics, broker.asked) == ({"a"}, {"a"}, ["a", "b"])


async def test_an_open_deployment_makes_what_is_new() -> None:
    broker = Broker({"a"})
    topics = ActionTopics(broker, open_to_new=True)
    await topics.look_up(["a", "b"])
    assert (topics.known, broker.topics) == ({"a", "b"}, {"a", "b"})


async def test_an_action_that_the_broker_refuses_stays_unknown_and_stops_no_other() -> None:
    # The refusal ended the process, and the next owner, which read the same command, and the next.
    topics = ActionTopics(Broker(set(), StartupRefusedError("policy")), open_to_new=True)
    await topics.look_up(["refused", "z"])
    assert topics.known == {"z"}


async def test_a_broker_that_is_away_is_asked_again() -> None:
    broker = Broker(set(), UnavailableError("away"))
    topics = ActionTopics(broker, open_to_new=True)
    with pytest.raises(UnavailableError):
        await topics.look_up(["refused"])
    broker.failure = None
    await topics.look_up(["refused"])
    assert topics.known == {"refused"}
