"""What a handler raises to say how a run failed."""


class RunFailure(Exception):  # noqa: N818 - the public names are api.md's: a handler raises an outcome
    """`code`: UPPER_SNAKE, for machines. `message`: for people, at most 2 KiB; longer is cut."""

    retryable: bool = True

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message


class Permanent(RunFailure):
    """The run failed and would fail again: no retry."""

    retryable = False


class Retryable(RunFailure):
    """The run failed but may succeed later: the plan's retry policy decides. Any other exception means the same."""

    retryable = True
