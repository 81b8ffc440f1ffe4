"""Each Kafka topic once, as data: key, partitions, retention, cleanup, writers, readers, why (api.md, section 3)."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

_DAY_MS: Final = 86_400_000
_KIB: Final = 1024

PARTITIONS_DEFAULT: Final = 8
PARTITIONS_MAX: Final = 1024
REPLICATION_MAX: Final = 9
COMMAND_BYTES_MAX: Final = 512 * _KIB
REPORT_BYTES_MAX: Final = 64 * _KIB
RECORD_BYTES_MAX: Final = 1024 * _KIB
RECEIPT_DAYS: Final = 3


class TopicRole(StrEnum):
    """What a topic is for; its name is the namespace, a dot and this (and the action's name for the last two)."""

    PLAN_COMMANDS = "plan.commands"
    RUN_REPORTS = "run.reports"
    PLAN_EVENTS = "plan.events"
    RUN_EVENTS = "run.events"
    OWNER_CHANGELOG = "owner.changelog"
    DEAD_LETTERS = "dead-letters"
    ACTION = "action"
    CONTROL = "control"


@dataclass(frozen=True, slots=True)
class TopicDeclaration:
    """One topic, or one for each action. `partitions` None = N of the namespace. `config`: what the broker must show."""

    role: TopicRole
    key: str
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    why: str
    config: dict[str, str] = field(default_factory=dict)
    partitions: int | None = None
    per_action: bool = False


_STAMPED = {"message.timestamp.type": "LogAppendTime"}


def _kept(days: int, **more: str) -> dict[str, str]:
    # A size that the brokers set for all topics would end a retention that is promised in days.
    retention = {"retention.ms": "-1" if days < 0 else str(days * _DAY_MS), "retention.bytes": "-1"}
    return _STAMPED | {"cleanup.policy": "delete"} | retention | {name.replace("_", "."): value for name, value in more.items()}


TOPICS: Final[dict[TopicRole, TopicDeclaration]] = {
    declaration.role: declaration
    for declaration in (
        TopicDeclaration(
            role=TopicRole.PLAN_COMMANDS,
            key="plan id",
            writers=("gateway", "services"),
            readers=("owner", "recorder"),
            why="What shall happen. Uncompressed, so that the broker bounds what an owner must hold.",
            config=_kept(RECEIPT_DAYS, max_message_bytes=str(COMMAND_BYTES_MAX), compression_type="uncompressed"),
        ),
        TopicDeclaration(
            role=TopicRole.RUN_REPORTS,
            key="plan id",
            writers=("workers",),
            readers=("owner",),
            why="What workers say of runs.",
            config=_kept(RECEIPT_DAYS, max_message_bytes=str(REPORT_BYTES_MAX), compression_type="uncompressed"),
        ),
        TopicDeclaration(
            role=TopicRole.PLAN_EVENTS,
            key="plan id",
            writers=("owner",),
            readers=("recorder", "gateway", "anyone"),
            why="What became of commands; every revision, for ever.",
            config=_kept(-1, max_message_bytes=str(RECORD_BYTES_MAX)),
        ),
        TopicDeclaration(
            role=TopicRole.RUN_EVENTS,
            key="plan id",
            writers=("owner",),
            readers=("recorder", "anyone"),
            why="Every run's states and every skipped occurrence: valid, in order per plan, once.",
            config=_kept(30, max_message_bytes=str(RECORD_BYTES_MAX)),
        ),
        TopicDeclaration(
            role=TopicRole.OWNER_CHANGELOG,
            key="kind/tenant/id",
            writers=("owner",),
            readers=("owner",),
            why="The owners' state: the truth of which Redis is an index.",
            config=_STAMPED
            | {
                "cleanup.policy": "compact",
                "segment.bytes": str(64 * _KIB * _KIB),
                "max.compaction.lag.ms": "600000",
                "min.cleanable.dirty.ratio": "0.1",
                "delete.retention.ms": str(7 * _DAY_MS),
                "max.message.bytes": str(RECORD_BYTES_MAX),
            },
        ),
        TopicDeclaration(
            role=TopicRole.DEAD_LETTERS,
            key="the original key",
            writers=("owner", "recorder"),
            readers=("operators",),
            why="Records that can never be handled, kept with their reason.",
            config=_kept(30, max_message_bytes=str(RECORD_BYTES_MAX)),
            partitions=1,
        ),
        TopicDeclaration(
            role=TopicRole.ACTION,
            key="ordering key or plan id",
            writers=("owner",),
            readers=("workers",),
            why="Due actions, once each.",
            config=_kept(7, max_message_bytes=str(RECORD_BYTES_MAX)),
            per_action=True,
        ),
        TopicDeclaration(
            role=TopicRole.CONTROL,
            key="ordering key or plan id",
            writers=("owner",),
            readers=("workers",),
            why="Requests to stop a run.",
            config=_kept(7, max_message_bytes=str(RECORD_BYTES_MAX)),
            per_action=True,
        ),
    )
}


def topic(namespace: str, role: TopicRole, action: str | None = None) -> str:
    """The topic's full name. `action` is given for, and only for, the topics that exist once for each action."""
    assert (action is not None) is TOPICS[role].per_action
    return f"{namespace}.{role}" if action is None else f"{namespace}.{role}.{action}"
