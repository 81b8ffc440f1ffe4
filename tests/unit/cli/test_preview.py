import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

from planner.cli.preview import app
from planner.cli.preview_screen import show_preview
from planner.domain.preview import preview_definition

PLAN_ID = "00000000-0000-4000-8000-000000000001"


def run(*arguments: str, stdin: str | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, list(arguments), input=stdin)
    return done.exit_code, done.stdout, done.stderr


def test_a_cron_rule_is_shown_as_plain_columns_with_its_flags() -> None:
    code, shown, _ = run("cron", "30 2 * * *", "-z", "Europe/Amsterdam", "--after", "2024-03-30T12:00:00Z", "--limit", "2")

    title, *lines = shown.splitlines()
    assert code == 0
    assert title.startswith("30 2 * * * · Europe/Amsterdam · tzdata ")
    assert lines == [
        "local time                     scheduled_for         flags",
        "Sun 2024-03-31T03:00:00+02:00  2024-03-31T01:00:00Z  dst_gap",
        "Mon 2024-04-01T02:30:00+02:00  2024-04-01T00:30:00Z",
        "and more",
    ]


def test_a_policy_decides_what_a_missing_label_becomes() -> None:
    given = ("cron", "30 2 * * *", "-z", "Europe/Amsterdam", "--after", "2024-03-30T12:00:00Z", "--limit", "1")

    assert "2024-03-31T01:30:00Z" in run(*given, "--gap", "shift")[1]


def test_warnings_stand_below_the_occurrences() -> None:
    shown = run("cron", "0 0 31 * 1", "--after", "2024-03-30T12:00:00Z", "--limit", "1")[1]

    assert [line.split(" at ")[0] for line in shown.splitlines()[-2:]] == ["warning: DAY_FIELDS_EITHER", "warning: SHORT_MONTHS"]


@pytest.mark.parametrize("period", ["900", "PT15M"])
def test_an_interval_is_given_as_seconds_or_as_a_duration(period: str) -> None:
    shown = run("every", period, "--anchor", "2024-01-01T00:00:00Z", "--after", "beginning", "--limit", "2")[1]

    assert [line.split()[2] for line in shown.splitlines()[2:4]] == ["2024-01-01T00:00:00Z", "2024-01-01T00:15:00Z"]


def test_a_recurrence_rule_that_ends_says_so() -> None:
    shown = run("rrule", "FREQ=DAILY;COUNT=1", "--dtstart", "2024-01-01T09:00:00", "--after", "beginning")[1]

    assert shown.splitlines()[-2:] == ["Mon 2024-01-01T09:00:00+00:00  2024-01-01T09:00:00Z", "no further occurrence"]


def test_what_has_no_occurrence_left_is_told() -> None:
    shown = run("rrule", "FREQ=DAILY;COUNT=1", "--dtstart", "2024-01-01T09:00:00", "--after", "2025-01-01T00:00:00Z")[1]

    assert shown.splitlines()[1:] == ["no occurrence"]


def test_a_search_that_was_cut_short_is_not_taken_for_the_end() -> None:
    found = preview_definition({"execute_at": "2024-01-01T00:00:00Z"}, after="2025-01-01T00:00:00Z", limit=1, plan_id=None)
    shown = io.StringIO()
    show_preview(type(found)((), complete=False, warnings=(), canonical=None, timezone="UTC"), Console(file=shown))

    assert "search budget" in shown.getvalue()


def test_a_single_moment_is_shown_whenever_it_was() -> None:
    shown = run("at", "2024-11-03T01:30:00", "-z", "America/New_York", "--fold", "last")[1]

    assert "2024-11-03T06:30:00Z  dst_fold" in shown


@pytest.mark.parametrize("from_stdin", [True, False])
def test_a_definition_is_read_from_a_file_or_from_standard_input(tmp_path: Path, from_stdin: bool) -> None:
    definition = json.dumps({"action": "a", "execute_at": "2026-01-01T10:00:00Z", "jitter_seconds": 600})
    (tmp_path / "plan.json").write_text(definition, encoding="utf-8")
    source = "-" if from_stdin else str(tmp_path / "plan.json")

    known = run("plan", source, "--after", "beginning", "--plan-id", PLAN_ID, stdin=definition)[1]
    unknown = run("plan", source, "--after", "beginning", stdin=definition)[1]

    assert "2026-01-01T10:00:41.945000Z  jittered" in known
    assert "2026-01-01T10:00:00Z  unknown  jittered" in unknown


def test_a_refused_schedule_is_shown_with_its_place_and_a_hint() -> None:
    code, shown, error = run("cron", "0 22-2 * * *")

    assert (code, shown) == (1, "")
    assert error.splitlines() == [
        "error: CRON_RANGE_REVERSED at /recurrence/expression: hour: '22-2' runs backwards",
        "  0 22-2 * * *",
        "    ^",
        "  hint: write 22-23,0-2",
    ]


def test_a_text_that_would_spoil_the_screen_is_not_shown_again() -> None:
    long = run("cron", "x" * 300)[2]
    control = run("cron", "0 0 \x1b[31m * *")[2]

    assert "xxx" not in long
    assert "\x1b" not in control


def test_a_beginning_that_is_no_instant_is_refused() -> None:
    code, _, error = run("every", "60", "--after", "tomorrow")

    assert code == 1
    assert error.startswith("error: DATETIME_INVALID at /after")
    assert "  hint: write 2026-01-31T09:00:00Z or 2026-01-31T09:00:00+01:00" in error.splitlines()


def test_requests_line_by_line_and_a_schedule_are_not_asked_for_together() -> None:
    """`--json` before `cron` was silently ignored, and its user parsed columns for people."""
    code, shown, error = run("--json", "cron", "0 9 * * *")

    assert (code, shown) == (2, "")
    assert "standard input" in error


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["cron"],
        ["cron", "* * * * *", "--limit", "0"],
        ["cron", "* * * * *", "--limit", "1001"],
        ["rrule", "FREQ=DAILY"],
        ["plan", "/nowhere"],
        ["plan", "-"],
        ["plan", "-", "--plan-id", "7"],
    ],
)
def test_wrong_usage_ends_with_its_own_code(arguments: list[str]) -> None:
    assert run(*arguments, stdin="[]")[0] == 2


def test_on_a_terminal_what_stands_out_is_coloured() -> None:
    given = {"recurrence": {"type": "cron", "expression": "30 2 * * *"}, "timezone": "Europe/Amsterdam"}
    found = preview_definition(given, after="2024-03-30T12:00:00Z", limit=1, plan_id=None)
    shown = io.StringIO()
    show_preview(found, Console(file=shown, force_terminal=True, color_system="standard"))

    assert "\x1b[33mSun 2024-03-31T03:00:00+02:00" in shown.getvalue()


def test_a_file_that_is_not_there_is_told_in_plain_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, told = run("plan", "nofile.json")

    assert code == 2
    assert "nofile.json cannot be read: No such file or directory" in " ".join(told.replace("│", "").split())
    assert "Errno" not in told


def test_an_unknown_holiday_list_is_shown_as_living_on_the_server() -> None:
    definition = '{"recurrence": {"type": "calendar", "hour": "9", "roll": "next", "holiday_calendar": "nl"}}'

    code, _, error = run("plan", "-", stdin=definition)

    assert code == 1
    assert error.splitlines()[-1] == "  hint: holiday lists live on the server: give the dates as holidays, or preview over HTTP"
