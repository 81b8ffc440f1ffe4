"""`planner preview`: when a schedule fires, before it is a plan. Needs no broker, database or configuration."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from planner.cli.preview_lines import answer_lines, without_server
from planner.cli.preview_screen import show_faults, show_preview
from planner.domain.errors import DefinitionInvalidError
from planner.domain.preview import LIMIT_DEFAULT, LIMIT_MAX, preview_definition
from planner.runtime.clock import SystemClock
from planner_contracts.ids import is_uuid
from planner_contracts.strict_json import JsonMalformedError, parse

BEGINNING: Final = "beginning"
_STDIN: Final = "-"
# More digits are out of range as seconds, and not worth converting.
_DIGITS_MAX: Final = 18
_PIPE_BYTES: Final = 65_536

Zone = Annotated[str, typer.Option("--timezone", "-z", help="An IANA name, like Europe/Amsterdam.")]
After = Annotated[str | None, typer.Option(metavar="INSTANT", help=f"Show what comes after it; now if left out, or `{BEGINNING}`.")]
Limit = Annotated[int, typer.Option(min=1, max=LIMIT_MAX, help="At most so many.")]
Gap = Annotated[str | None, typer.Option(help="What a local time becomes that is skipped: next_valid, shift, skip.")]
Fold = Annotated[str | None, typer.Option(help="Which pass of a repeated local time counts: first, last, both.")]

app = typer.Typer(help="Show when a schedule fires.", invoke_without_command=True)


@app.callback()
def lines(
    context: typer.Context,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Answer requests: a JSON object a line in, one out, until the input ends.")
    ] = False,
) -> None:
    """Show when a schedule fires: its next occurrences, what daylight saving does to them, and warnings."""
    if context.invoked_subcommand is not None and not as_json:
        return
    if context.invoked_subcommand is not None:
        raise typer.BadParameter("--json reads requests from standard input, and stands alone")
    if not as_json:
        raise typer.BadParameter("name a kind of schedule, or --json")
    # As much at once as a pipe holds: a long line in Python's own portions of 8 KiB costs twice the time.
    with open(sys.stdin.fileno(), "rb", buffering=_PIPE_BYTES, closefd=False) as requests:
        answer_lines(requests, sys.stdout, now=SystemClock().now)


@app.command()
def cron(
    expression: Annotated[str, typer.Argument(help="Five fields, or six with seconds first: '30 2 * * *'.")],
    *,
    timezone: Zone = "UTC",
    gap: Gap = None,
    fold: Fold = None,
    after: After = None,
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """A cron rule."""
    recurrence = {"type": "cron", "expression": expression}
    _show({"recurrence": recurrence, "timezone": timezone, "dst": _dst(gap, fold)}, after, limit)


@app.command()
def every(
    period: Annotated[str, typer.Argument(help="Seconds, or a duration like PT15M or P1D.")],
    *,
    anchor: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Where it counts from; --after, itself not shown, if left out.")
    ] = None,
    timezone: Zone = "UTC",
    after: After = None,
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """An interval, in elapsed time."""
    given = {"every_seconds": int(period)} if period.isascii() and period.isdecimal() and len(period) <= _DIGITS_MAX else {"every": period}
    _show({"recurrence": {"type": "interval", "anchor": anchor, **given}, "timezone": timezone}, after, limit)


@app.command()
def rrule(
    rule: Annotated[str, typer.Argument(help="'FREQ=MONTHLY;BYDAY=-1FR'.")],
    *,
    dtstart: Annotated[str, typer.Option(metavar="LOCAL", help="A local time, like 2026-01-31T09:00:00.")],
    timezone: Zone = "UTC",
    after: After = None,
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """A recurrence rule of RFC 5545. With exdates, rdates or dst it is a definition for `planner preview plan`."""
    _show({"recurrence": {"type": "rrule", "rule": rule, "dtstart": dtstart}, "timezone": timezone}, after, limit)


@app.command()
def at(
    when: Annotated[str, typer.Argument(help="An instant, or a local time where --timezone is given.")],
    *,
    timezone: Annotated[str | None, typer.Option("--timezone", "-z", help="An IANA name, like Europe/Amsterdam.")] = None,
    gap: Annotated[str | None, typer.Option(help="What a local time becomes that is skipped: next_valid, shift.")] = None,
    fold: Annotated[str | None, typer.Option(help="Which pass of a repeated local time counts: first, last.")] = None,
) -> None:
    """One moment."""
    _show({"execute_at": when, "timezone": timezone, "dst": _dst(gap, fold)}, BEGINNING, 1)


@app.command()
def plan(
    file: Annotated[str, typer.Argument(help="A plan's definition in JSON, or `-` for standard input.")],
    *,
    plan_id: Annotated[str | None, typer.Option(help="Its id, from which its jitter follows.")] = None,
    after: After = None,
    limit: Limit = LIMIT_DEFAULT,
) -> None:
    """A plan's definition, of any kind. Named holiday lists are known to the server only: POST /api/v1/plans/preview takes them."""
    if plan_id is not None and not is_uuid(plan_id):
        raise typer.BadParameter("a UUID in lower case is expected", param_hint="--plan-id")
    try:
        given = parse(sys.stdin.buffer.read() if file == _STDIN else Path(file).read_bytes())
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}", param_hint="FILE") from None
    except JsonMalformedError as error:
        raise typer.BadParameter(str(error), param_hint="FILE") from None
    if not isinstance(given, dict):
        raise typer.BadParameter("an object is expected", param_hint="FILE")
    _show(given, after, limit, plan_id=plan_id)


def _dst(gap: str | None, fold: str | None) -> dict[str, str | None] | None:
    return None if gap is None and fold is None else {"gap": gap, "fold": fold}


def _show(given: dict[str, Any], after: str | None, limit: int, *, plan_id: str | None = None) -> None:
    since: object = SystemClock().now() if after is None else after
    try:
        found = preview_definition(given, after=None if after == BEGINNING else since, limit=limit, plan_id=plan_id)
    except DefinitionInvalidError as error:
        show_faults(without_server(error.faults), {**given, "after": after}, _console(stderr=True))
        raise typer.Exit(1) from None
    show_preview(found, _console(stderr=False))


def _console(*, stderr: bool) -> Console:
    return Console(stderr=stderr, highlight=False, soft_wrap=True)
