"""`Accept`: an answer is JSON, or is not wanted."""

from typing import Final

from planner.gateway.problems import ProblemError
from planner_contracts.errors import ErrorCode

HEADER: Final = "accept"
_SPECIFIC: Final = ("application/json", "application/problem+json")
_RANGES: Final = ("application/*", "*/*")


def require_json(headers: list[str]) -> None:
    """Raises ProblemError, NOT_ACCEPTABLE, if the caller takes no JSON. A header that names nothing takes everything."""
    weights: dict[str, float] = {}
    for part in ",".join(headers).split(","):
        media_range, *parameters = (text.strip().lower() for text in part.split(";"))
        if media_range:
            weights[media_range] = _weight(parameters)
    if not weights:
        return
    # The most specific range decides, so `application/json;q=0, */*` refuses JSON.
    specific = [weights[name] for name in _SPECIFIC if name in weights]
    ranges = [weights[name] for name in _RANGES if name in weights]
    if not any(specific) if specific else not ranges or not ranges[0]:
        raise ProblemError(ErrorCode.NOT_ACCEPTABLE, "answers are application/json")


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 1.0
    return 1.0
