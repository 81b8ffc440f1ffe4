"""Settings of `planner worker`."""

from typing import Annotated

from pydantic import Field

from planner.runtime.settings import KafkaSettings, ProcessSettings


class WorkerSettings(KafkaSettings, ProcessSettings):
    """`planner worker` without an argument runs the sample worker with these; a user's worker brings its own."""

    worker_group: Annotated[str, Field(min_length=1, max_length=200)] = "planner-sample"
    """Consumer group of the sample worker."""

    worker_concurrency: Annotated[int, Field(ge=1, le=1000)] = 16
    """How many runs the sample worker executes at once."""

    worker_drain_seconds: Annotated[float, Field(ge=0, le=3600)] = 20.0
    """How long runs may go on after SIGTERM; less than the 30 s after which most supervisors kill."""
