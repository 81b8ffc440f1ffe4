"""Error codes are stable for ever: callers branch on them. A new one is added to error_codes.json; none is taken out of it."""

import json
from pathlib import Path
from typing import Final

from planner_contracts.errors import CATALOGUE, ErrorCode

PINNED: Final[dict[str, int]] = json.loads((Path(__file__).parent / "error_codes.json").read_text(encoding="utf-8"))


def test_the_codes_and_their_statuses_are_those_that_were_published() -> None:
    assert {code.value: entry.status for code, entry in CATALOGUE.items()} == PINNED


def test_a_code_is_called_what_it_says() -> None:
    assert all(code.name == code.value for code in ErrorCode)


def test_every_code_has_a_title_of_one_sentence() -> None:
    assert all(entry.title and not entry.title.endswith(".") and "\n" not in entry.title for entry in CATALOGUE.values())


def test_every_code_has_a_meaning_of_its_own() -> None:
    meanings = [entry.meaning for entry in CATALOGUE.values()]

    assert len(set(meanings)) == len(meanings) == len(ErrorCode)
    assert all(meaning.endswith(".") and "\n" not in meaning for meaning in meanings)
