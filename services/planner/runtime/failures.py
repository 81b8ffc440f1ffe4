"""What may go wrong around us, by what follows from it."""

from collections.abc import Callable


class UnavailableError(Exception):
    """A dependency did not answer, and nothing happened: back off and try again."""


class IndefiniteError(Exception):
    """Whether it happened is not known: discard what was used for it, and recover."""


class StartupRefusedError(Exception):
    """The process must not go on as it is set up; the message tells the operator why, and what to do."""


class Backoff:
    """Waits that double from `first_s` to `most_s`, each spread over its upper half by `random` (a number from 0 up to 1)."""

    def __init__(self, first_s: float, most_s: float, random: Callable[[], float]) -> None:
        self._first_s = first_s
        self._most_s = most_s
        self._random = random
        self._wait_s = first_s

    def next_s(self) -> float:
        """How long to wait now; the next wait is twice as long."""
        wait_s, self._wait_s = self._wait_s, min(self._wait_s * 2, self._most_s)
        return wait_s * (0.5 + self._random() / 2)

    def reset(self) -> None:
        """It went well: begin anew with the shortest wait."""
        self._wait_s = self._first_s
