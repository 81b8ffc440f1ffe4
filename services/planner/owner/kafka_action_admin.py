"""Action topics on Kafka (port: action_topics.ActionAdmin). A connection lasts as long as one question: new actions are rare."""

from collections.abc import Iterable

from planner.runtime.kafka import KafkaConnection
from planner.runtime.topic_admin import topic_admin
from planner_contracts.topics import TopicRole, topic


class KafkaActionAdmin:
    """Asks and makes the topics of actions in one namespace."""

    def __init__(self, connection: KafkaConnection, *, namespace: str, partitions: int) -> None:
        self._connection = connection
        self._namespace = namespace
        self._partitions = partitions

    async def existing(self, actions: Iterable[str]) -> frozenset[str]:
        asked = list(actions)
        async with topic_admin(self._connection, namespace=self._namespace, partitions=self._partitions) as topics:
            missing = {expected.name for expected in await topics.missing(topics.expected(asked))}
        roles = (TopicRole.ACTION, TopicRole.CONTROL)
        return frozenset(action for action in asked if not any(topic(self._namespace, role, action) in missing for role in roles))

    async def make(self, action: str) -> None:
        async with topic_admin(self._connection, namespace=self._namespace, partitions=self._partitions) as topics:
            await topics.make(await topics.missing(topics.expected([action])))
