"""What a supervisor tells while it works: the port that the command line and the status file stand behind."""

from typing import Protocol

from planner.embedded.program import Program


class Watcher(Protocol):
    """Called in the order of events, from the supervisor's loop; must return at once and not raise."""

    def found(self, what: str) -> None:
        """Something that an earlier run left."""

    def starting(self, what: str) -> None: ...

    def started(self, program: Program, pid: int) -> None: ...

    def ended(self, program: Program, pid: int) -> None:
        """It is gone, whether it was told to or not."""

    def restarting(self, program: Program, *, exit_code: int, delay_s: float) -> None:
        """It ended by itself and will be started again after `delay_s`. A negative code is the signal's number."""

    def stopping(self, what: str) -> None: ...
