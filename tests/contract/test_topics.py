"""The topics as they are promised (docs/api.md, section 3): what is declared is what brokers are made to show."""

from typing import Final

import pytest

from planner_contracts.documents import DOCUMENTS
from planner_contracts.ids import ACTION_CHARACTERS_MAX
from planner_contracts.topics import TOPICS, TopicRole, topic

DAY_MS: Final = 86_400_000
KAFKA_NAME_CHARACTERS_MAX: Final = 249


@pytest.mark.parametrize(
    ("role", "days"),
    [
        (TopicRole.PLAN_COMMANDS, 3),
        (TopicRole.RUN_REPORTS, 3),
        (TopicRole.PLAN_EVENTS, None),
        (TopicRole.RUN_EVENTS, 30),
        (TopicRole.DEAD_LETTERS, 30),
        (TopicRole.ACTION, 7),
        (TopicRole.CONTROL, 7),
    ],
)
def test_a_topic_keeps_its_records_as_long_as_promised_however_many_there_are(role: TopicRole, days: int | None) -> None:
    config = TOPICS[role].config
    assert config["cleanup.policy"] == "delete"
    assert config["retention.ms"] == ("-1" if days is None else str(days * DAY_MS))
    assert config["retention.bytes"] == "-1"


def test_the_changelog_alone_is_compacted() -> None:
    assert [role for role, declared in TOPICS.items() if declared.config["cleanup.policy"] == "compact"] == [TopicRole.OWNER_CHANGELOG]


def test_the_broker_stamps_every_record() -> None:
    assert {declared.config["message.timestamp.type"] for declared in TOPICS.values()} == {"LogAppendTime"}


@pytest.mark.parametrize(("role", "kib"), [(TopicRole.PLAN_COMMANDS, 512), (TopicRole.RUN_REPORTS, 64)])
def test_what_callers_write_is_bounded_uncompressed(role: TopicRole, kib: int) -> None:
    config = TOPICS[role].config
    assert (config["max.message.bytes"], config["compression.type"]) == (str(kib * 1024), "uncompressed")


def test_a_dead_letter_may_be_as_large_as_any_record() -> None:
    largest = max(int(declared.config["max.message.bytes"]) for declared in TOPICS.values())
    assert TOPICS[TopicRole.DEAD_LETTERS].config["max.message.bytes"] == str(largest)


def test_only_dead_letters_have_another_number_of_partitions() -> None:
    assert {role: declared.partitions for role, declared in TOPICS.items() if declared.partitions is not None} == {
        TopicRole.DEAD_LETTERS: 1
    }


def test_the_topics_of_an_action_are_named_after_it() -> None:
    assert topic("acme", TopicRole.ACTION, "content.publish") == "acme.action.content.publish"
    assert topic("acme", TopicRole.CONTROL, "content.publish") == "acme.control.content.publish"
    assert topic("planner", TopicRole.PLAN_COMMANDS) == "planner.plan.commands"


def test_the_longest_names_fit_kafka() -> None:
    longest = max(len(topic("n" * 40, role, "a" * ACTION_CHARACTERS_MAX)) for role, declared in TOPICS.items() if declared.per_action)
    assert longest <= KAFKA_NAME_CHARACTERS_MAX


def test_every_topic_but_the_private_and_the_dead_letters_holds_documents_that_are_described() -> None:
    described = {document.topic for document in DOCUMENTS.values()} - {None}
    assert described == set(TOPICS) - {TopicRole.OWNER_CHANGELOG, TopicRole.DEAD_LETTERS}
