"""The last thing that is read and the first that is not, of numbers and characters."""

import pytest

from planner_contracts.strict_json import JsonMalformedError, parse, text_is_storable


@pytest.mark.parametrize("sign", ["", "-"])
def test_an_integer_is_read_with_as_many_digits_as_the_largest_double_has(sign: str) -> None:
    digits = sign + "1" * 309
    assert parse(digits.encode()) == int(digits)
    with pytest.raises(JsonMalformedError, match="outside IEEE double"):
        parse((digits + "1").encode())


@pytest.mark.parametrize("character", ["\ud7ff", "\ue000", "\x01", "\U0010ffff"])
def test_the_neighbours_of_surrogates_and_of_zero_are_characters_like_others(character: str) -> None:
    assert text_is_storable(character)
    assert parse(f'["\\u{ord(character):04x}"]'.encode() if ord(character) < 0x10000 else f'["{character}"]'.encode()) == [character]


@pytest.mark.parametrize("escape", ["d800", "dbff", "dc00", "dfff"])
def test_the_first_and_last_surrogates_alone_are_none(escape: str) -> None:
    assert not text_is_storable(chr(int(escape, 16)))
    for document in (f'"\\u{escape}"', f'{{"a":["\\u{escape}"]}}', f'[{{"\\u{escape}":1}}]'):
        with pytest.raises(JsonMalformedError, match="lone surrogate"):
            parse(document.encode())
