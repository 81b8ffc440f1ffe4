"""The owner's settings."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, SecretStr, field_validator

from planner.runtime.settings import HealthSettings, KafkaSettings, ProcessSettings, RedisSettings

SECRET_CHARACTERS_MIN: Final = 16


class ActionPolicy(StrEnum):
    """Whether a plan may name an action that nobody registered."""

    OPEN = "open"
    CLOSED = "closed"


class OwnerSettings(ProcessSettings, HealthSettings, KafkaSettings, RedisSettings):
    """What an owner process is told."""

    partitions: Annotated[int, Field(ge=1, le=1024)] = 8
    """N of the namespace, as `planner topics apply` made it; another number is refused at start."""

    actions: ActionPolicy = ActionPolicy.CLOSED
    """`open`: a new action's topics are made when the first plan names it; `closed`: only registered ones are accepted."""

    report_keys: SecretStr
    """`id:secret[,id:secret]`: the first signs report tokens, all verify, so that a key can be replaced without losing reports."""

    @field_validator("report_keys")
    @classmethod
    def _readable(cls, value: SecretStr) -> SecretStr:
        read_report_keys(value)
        return value


def read_report_keys(text: SecretStr) -> dict[str, bytes]:
    """Key id -> secret, in the order given. Raises ValueError for a pair without id, or with a secret under 16 characters."""
    keys: dict[str, bytes] = {}
    for pair in text.get_secret_value().split(","):
        key_id, _, secret = pair.strip().partition(":")
        if not key_id.isalnum() or len(secret) < SECRET_CHARACTERS_MIN:
            raise ValueError(f"each pair is id:secret, the id letters and digits, the secret at least {SECRET_CHARACTERS_MIN} characters")
        keys[key_id] = secret.encode()
    return keys
