import re

import pytest

from tidy.project import ROOT, file, files

PATHS = [known.path for known in files()]
DECISIONS = sorted(path for path in PATHS if path.startswith("docs/decisions/"))


@pytest.mark.parametrize("process", ["gateway", "owner", "recorder"])
def test_a_process_has_a_composition_root_settings_and_an_entry(process: str) -> None:
    assert {f"services/planner/{process}/{name}.py" for name in ("app", "settings", "__main__")} <= set(PATHS)


def test_unit_tests_lie_in_folders_named_as_in_the_source() -> None:
    packages = {path.split("/")[2] for path in PATHS if path.startswith("services/planner/") and path.count("/") > 2}
    folders = {path.split("/")[2] for path in PATHS if path.startswith("tests/unit/") and path.count("/") > 2}

    assert folders <= packages | {"contracts"}


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.rpartition("/")[2][:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    assert all(re.fullmatch(r"docs/decisions/\d{4}(-[a-z0-9]+)+\.md", path) for path in DECISIONS)


@pytest.mark.parametrize("path", DECISIONS)
def test_a_decision_says_all_that_a_reader_would_ask(path: str) -> None:
    text = file(path).text

    assert all(f"**{part}" in text for part in ("Context", "Decision", "Refused", "Consequences", "How we would notice"))
    assert text.startswith(f"# {int(path.rpartition('/')[2][:4])}. ")


def test_the_changelog_has_a_place_for_what_is_not_yet_released() -> None:
    assert "\n## Unreleased\n" in file("docs/CHANGELOG.md").text


def test_ci_runs_what_everybody_runs() -> None:
    assert file(".ci/run").text.splitlines()[-1] == "make install check test"
    assert (ROOT / ".ci/run").stat().st_mode & 0o100
