"""The port to the dead letters: records that can never be recorded, kept with their reason."""

from typing import Protocol

from planner.recorder.source import SourceRecord


class DeadLetters(Protocol):
    """Where such a record goes. A repeat after a crash is possible; a loss is not."""

    async def keep(self, record: SourceRecord, *, reason: str, detail: str) -> None:
        """Return when the record is safe. `reason`: a stable word; `detail`: a sentence. Raises UnavailableError."""
        ...
