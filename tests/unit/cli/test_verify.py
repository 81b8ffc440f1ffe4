import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from planner.cli.app import main
from planner.cli.verify import show
from planner.ledger.check import Difference, DifferenceKind, Report

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def shown(*differences: Difference, with_expectations: bool = True) -> list[str]:
    out = io.StringIO()
    show(Report(3, 2, 0, 2, differences), Console(file=out, highlight=False, soft_wrap=True), with_expectations=with_expectations)
    return out.getvalue().splitlines()


def test_each_difference_is_a_line_and_the_counts_follow() -> None:
    lines = shown(Difference(DifferenceKind.LOST, "plan 1", NOON, None, "neither an action nor a skip"))
    assert lines == [
        "lost          plan 1 2026-03-01T12:00:00.000000Z neither an action nor a skip",
        "3 expected, 2 fired, 0 skipped, 2 run rows",
        "1 differences",
    ]


def test_without_expectations_it_is_told_what_was_compared() -> None:
    assert shown(with_expectations=False) == [
        "2 fired, 0 skipped, 2 run rows",
        "no expectations given: actions, skips and run rows were compared with each other only",
        "no differences",
    ]


def test_what_others_wrote_is_shown_as_it_is() -> None:
    """A closing bracket of rich's in a plan id or a detail ended the command in a traceback."""
    line, *_ = shown(Difference(DifferenceKind.UNREADABLE, "[/red]", None, None, "t-0@7: duplicate key '[/bold]'"))
    assert line.split() == ["unreadable", "[/red]", "t-0@7:", "duplicate", "key", "'[/bold]'"]


@pytest.mark.parametrize("moment", ["yesterday", "2026-03-01", "2026-03-01T12:00:00"])
def test_a_moment_that_is_no_instant_is_wrong_usage(moment: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["verify", "--up-to", moment])
    assert stopped.value.code == 2
    assert "--up-to" in capsys.readouterr().err
