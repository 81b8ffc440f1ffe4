"""The steps of an explanation, and how they name things."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class StepName(StrEnum):
    """The steps (1) to (7) of scheduling.md, section 2, those with state, and what else may take an occurrence away."""

    EXPAND = "expand"
    ROLL = "roll"
    DST = "dst"
    MERGE = "merge"
    DATES = "dates"
    BOUNDS = "bounds"
    JITTER = "jitter"
    PAUSE = "pause"
    MISFIRE = "misfire"
    OVERLAP = "overlap"
    MAX_RUNS = "max_runs"
    UPDATE = "update"
    CANCEL = "cancel"
    PUBLISH = "publish"


class StepResult(StrEnum):
    """What a step made of the instant; nothing follows one that left it out, skipped it, or where it waits."""

    PASSED = "passed"
    LEFT_OUT = "left_out"
    SKIPPED = "skipped"
    WAITS = "waits"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Step:
    """One step, and why it ended as it did."""

    step: StepName
    result: StepResult
    detail: str

    def document(self) -> dict[str, str]:
        return {"step": self.step.value, "result": self.result.value, "detail": self.detail}


def seconds(span: timedelta) -> str:
    """A time span in words: at most three digits after the point."""
    return f"{span.total_seconds():.3f}".rstrip("0").rstrip(".") + " s"
