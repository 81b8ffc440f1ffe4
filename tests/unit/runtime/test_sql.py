from pathlib import Path

import pytest

from planner.runtime.sql import queries


def test_a_statement_is_found_by_its_name_without_its_comment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch, "-- name: one\n-- The one.\nSELECT 1;\n\n-- name: two\nSELECT\n  2\n")
    assert queries("some_package", "queries.sql") == {"one": "SELECT 1", "two": "SELECT\n  2"}


@pytest.mark.parametrize("text", ["-- name: one\nSELECT 1;\n-- name: one\nSELECT 2;\n", "-- name: one\n-- Nothing.\n"])
def test_a_name_that_stands_twice_or_without_a_statement_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    package(tmp_path, monkeypatch, text)
    with pytest.raises(ValueError, match=r"queries\.sql"):
        queries("some_package", "queries.sql")


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    inside = folder / "some_package"
    inside.mkdir()
    (inside / "__init__.py").touch()
    (inside / "queries.sql").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(__import__("sys").modules, "some_package", raising=False)
