"""One occurrence."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Once:
    """A one-shot at an instant, already resolved where it was given as a label. `from_gap`: that label is missing."""

    instant: datetime
    from_gap: bool = False

    def first_from(self, at: datetime) -> datetime | None:
        """The occurrence if it is not before `at`."""
        return self.instant if self.instant >= at else None
