import pytest

from planner.gateway.acceptance import require_json
from planner.gateway.problems import ProblemError


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [""],
        ["*/*"],
        ["application/*"],
        ["text/html, */*;q=0.1"],
        ["application/json;q=0.5"],
        ["application/problem+json"],
        ["a/b;q=x, */*"],
    ],
)
def test_who_takes_json_in_some_way_gets_it(headers: list[str]) -> None:
    require_json(headers)


@pytest.mark.parametrize("headers", [["text/html"], ["*/*;q=0"], ["application/json;q=0, */*"], ["image/*", "text/*"]])
def test_who_takes_no_json_is_refused(headers: list[str]) -> None:
    with pytest.raises(ProblemError, match="NOT_ACCEPTABLE"):
        require_json(headers)
