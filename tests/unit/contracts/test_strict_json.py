import pytest

from planner_contracts.strict_json import DEPTH_MAX, JsonMalformedError, depth, parse, text_is_storable


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'"\xff"', "invalid UTF-8 at byte 1"),
        (b"NaN", "not JSON"),
        (b"[-Infinity]", "not JSON"),
        (b"1e999", "outside IEEE double"),
        (b"1" * 400, "outside IEEE double"),
        (b"9" * 309, "outside IEEE double"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "duplicate key 'c'"),
        (b'{"a": "\\ud800"}', "lone surrogate"),
        (b'{"\\udc00": 1}', "lone surrogate"),
        (b"\xef\xbb\xbf{}", "line 1 column 1"),
        (b"\x00", "line 1 column 1"),
        (b"{} {}", "Extra data"),
        (b"'a'", "line 1 column 1"),
        (b"", "line 1 column 1"),
    ],
)
def test_what_two_parsers_would_understand_differently_is_refused(text: bytes, why: str) -> None:
    with pytest.raises(JsonMalformedError, match=why):
        parse(text)


def test_the_deepest_document_is_read_and_one_level_more_is_not() -> None:
    assert depth(parse(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)) == DEPTH_MAX
    with pytest.raises(JsonMalformedError, match="more than 64 levels"):
        parse(b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1))


def test_brackets_in_a_text_are_no_levels() -> None:
    text = '"' + '[{\\"' * (2 * DEPTH_MAX) + '"'
    assert parse(text.encode()) == '[{"' * (2 * DEPTH_MAX)


def test_a_document_too_deep_for_any_parser_is_refused_at_once() -> None:
    with pytest.raises(JsonMalformedError, match="levels"):
        parse(b'{"a":' * 100_000)


def test_a_pair_of_surrogates_is_one_character() -> None:
    assert parse(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_the_largest_double_is_read() -> None:
    assert parse(b"1.7976931348623157e308") == 1.7976931348623157e308


@pytest.mark.parametrize(("text", "storable"), [("é\U0001f600", True), ("a\x00", False), ("\udc00", False), ("", True)])
def test_a_text_is_storable_unless_a_database_would_refuse_it(text: str, storable: bool) -> None:
    assert text_is_storable(text) is storable
