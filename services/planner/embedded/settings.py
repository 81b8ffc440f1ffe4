"""Settings of `planner up`: the servers that the user has, and what every service of the stack is told alike."""

from pydantic import SecretStr

from planner.embedded.servers import Given
from planner.runtime.settings import KafkaSettings, PostgresSettings, ProcessSettings, RedisSettings


class StackSettings(ProcessSettings, KafkaSettings, RedisSettings, PostgresSettings):
    """The addresses count only where they are set: what has none is started here."""

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
