"""Settings of `planner up`: the servers that the user has, and what every service of the stack is told alike."""

from typing import Annotated

from pydantic import Field, SecretStr

from planner.embedded.servers import Given
from planner.runtime.settings import KafkaSettings, PostgresSettings, ProcessSettings, RedisSettings


class StackSettings(ProcessSettings, KafkaSettings, RedisSettings, PostgresSettings):
    """The addresses count only where they are set: what has none is started here."""

    partitions: Annotated[int, Field(ge=1, le=1024)] = 4
    """Of each topic, fixed once the topics are made. Fewer than a production namespace's: each is a loop on this one machine."""

    replication: Annotated[int, Field(ge=1, le=9)] = 1
    """Copies of each record of a new topic. One broker is all that an embedded Kafka has."""

    report_keys: SecretStr | None = None
    """`id:secret[,id:secret]` for the tokens of reports; one is made and kept in the data folder if there is none."""

    def given(self) -> Given:
        """The servers that are not to be started."""
        named = self.model_fields_set
        return Given(
            kafka=self.kafka if "kafka" in named else None,
            redis=self.redis.get_secret_value() if "redis" in named else None,
            postgres=self.postgres.get_secret_value() if "postgres" in named else None,
        )
