"""The name of a shard."""

from dataclasses import dataclass

from planner_contracts.topics import TopicRole, topic


@dataclass(frozen=True, slots=True)
class ShardName:
    """Which shard of which namespace, and of how many."""

    namespace: str
    partition: int
    partitions: int

    def topic(self, role: TopicRole) -> str:
        """The full name of one of the namespace's topics."""
        return topic(self.namespace, role)
