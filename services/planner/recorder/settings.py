"""The recorder's settings."""

from typing import Annotated

from pydantic import Field

from planner.runtime.settings import HealthSettings, KafkaSettings, PostgresSettings, ProcessSettings
from planner_contracts.topics import PARTITIONS_DEFAULT


class RecorderSettings(ProcessSettings, HealthSettings, KafkaSettings, PostgresSettings):
    """Where it reads and where it writes; all else follows from the namespace."""

    partitions: Annotated[int, Field(ge=1)] = PARTITIONS_DEFAULT
    """How many partitions the namespace's topics have; other than they do have is refused."""
