import pytest

from planner.gateway.idempotency import parse_key
from planner.gateway.problems import ProblemError


@pytest.mark.parametrize(
    ("headers", "key"),
    [([], None), (["a"], "a"), (['"a"'], "a"), (["a b"], "a b"), ([r'"a\"\\"'], 'a"\\'), (['a"'], 'a"'), (["k" * 255], "k" * 255)],
)
def test_a_key_is_quoted_or_bare(headers: list[str], key: str | None) -> None:
    assert parse_key(headers) == key


@pytest.mark.parametrize("headers", [[""], ['""'], ['"a'], [r'"a\b"'], ['"a"b"'], ["a\tb"], ["caf\xe9"], ["k" * 256], ["a", "a"]])
def test_what_is_no_key_is_refused(headers: list[str]) -> None:
    with pytest.raises(ProblemError, match="INVALID_IDEMPOTENCY_KEY"):
        parse_key(headers)
