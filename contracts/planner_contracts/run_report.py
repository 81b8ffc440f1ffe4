"""What a worker says of a run: a claim until the owner has validated it."""

from enum import StrEnum
from typing import Final

from pydantic import JsonValue

from planner_contracts.instants import Instant
from planner_contracts.message import Message

REPORT_TYPE: Final = "planner.run.report"
WORKER_CHARACTERS_MAX: Final = 200
ERROR_MESSAGE_BYTES_MAX: Final = 2 * 1024
PROGRESS_BYTES_MAX: Final = 1024
RESULT_BYTES_MAX: Final = 8 * 1024


class ReportedState(StrEnum):
    """A further `executing` is a heartbeat."""

    EXECUTING = "executing"
    COMPLETED = "completed"
    FAILED = "failed"


class ReportedError(Message):
    """Why the run failed. Longer texts are cut."""

    code: str
    message: str = ""
    retryable: bool = True


class RunReport(Message):
    """`data` of `planner.run.report`; the record's key is the plan id. `report_token` came with the action."""

    run_id: str
    plan_id: str
    report_token: str
    state: ReportedState
    at: Instant
    worker: str
    progress: JsonValue = None
    result: JsonValue = None
    error: ReportedError | None = None
