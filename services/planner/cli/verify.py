"""`planner verify`: what must exist against what does."""

import asyncio
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.text import Text

from planner.ledger.audit import audit
from planner.ledger.check import Difference, Report
from planner.ledger.expectation import EXPECTATIONS_MAX, Expectation, UnreadableExpectationError, parse_line
from planner.runtime.kafka import KafkaConnection
from planner.runtime.settings import KafkaSettings, PostgresSettings, ProcessSettings, load
from planner_contracts.ids import instant_with_fraction
from planner_contracts.instants import Instant


class VerifySettings(KafkaSettings, PostgresSettings, ProcessSettings):
    """Where to look."""


def verify(
    expect: Annotated[
        Path | None,
        typer.Option(help="JSON lines of what must have happened; without it actions and run rows are only compared with each other."),
    ] = None,
    events: Annotated[bool, typer.Option("--events", help="Take runs and skips from the run events instead of the run store.")] = False,
    up_to: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="Leave out what was published later: where plans go on firing, a moment some seconds ago."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each difference, and one with the counts.")] = False,
) -> None:
    """Compare the committed actions with what must exist and with the run store; print each difference; exit 1 if there is any.

    A line of the file: {"plan_id", "at"} or {"plan_id", "anchor", "every_seconds", "first", "last", "open_until"}.
    """
    try:
        expectations = [] if expect is None else list(_read(expect))
    except (OSError, UnreadableExpectationError) as error:
        raise typer.BadParameter(str(error), param_hint="--expect") from None
    moment = None if up_to is None else _instant(up_to)
    settings = load(VerifySettings)
    report = asyncio.run(
        audit(
            expectations,
            connection=KafkaConnection.from_settings(settings),
            namespace=settings.namespace,
            postgres=None if events else settings.postgres.get_secret_value(),
            up_to=moment,
        )
    )
    if as_json:
        _print_json(report)
    else:
        show(report, Console(highlight=False, soft_wrap=True), with_expectations=bool(expectations))
    raise typer.Exit(0 if report.ok else 1)


def _instant(text: str) -> datetime:
    try:
        return TypeAdapter[datetime](Instant).validate_python(text)
    except ValidationError:
        raise typer.BadParameter(f"{text!r} is not an RFC 3339 instant, such as 2026-12-31T09:00:00Z", param_hint="--up-to") from None


def _read(path: Path) -> Iterator[Expectation]:
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if number > EXPECTATIONS_MAX:
                raise UnreadableExpectationError(f"more than {EXPECTATIONS_MAX} lines")
            if line.strip():
                yield parse_line(line, number=number)


def show(report: Report, console: Console, *, with_expectations: bool) -> None:
    """A line for each difference, the counts, and what they were compared with."""
    for difference in report.differences:
        at = "" if difference.scheduled_for is None else instant_with_fraction(difference.scheduled_for)
        # Ids and details are whatever somebody wrote into a topic, brackets included.
        console.print(Text(f"{difference.kind:13}", style="red"), Text(" ".join((difference.plan_id or "", at, difference.detail))))
    expected = f"{report.expected} expected, " if with_expectations else ""
    console.print(f"{expected}{report.fired} fired, {report.skipped} skipped, {report.rows} run rows")
    if not with_expectations:
        console.print("no expectations given: actions, skips and run rows were compared with each other only")
    console.print("[green]no differences[/green]" if report.ok else f"[red]{len(report.differences)} differences[/red]")


def _print_json(report: Report) -> None:
    for difference in report.differences:
        typer.echo(json.dumps(_document(difference)))
    counts = {"expected": report.expected, "fired": report.fired, "skipped": report.skipped, "rows": report.rows}
    typer.echo(json.dumps(counts | {"differences": report.counts()}))


def _document(difference: Difference) -> dict[str, str | None]:
    at = difference.scheduled_for
    return {
        "kind": difference.kind,
        "plan_id": difference.plan_id,
        "scheduled_for": None if at is None else instant_with_fraction(at),
        "run_id": difference.run_id,
        "detail": difference.detail,
    }
