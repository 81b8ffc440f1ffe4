"""`planner bench`: what this machine can do."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from planner.bench.burst import BenchFailedError, Burst, run_burst
from planner.bench.burst_report import BurstReport
from planner.bench.next import run_next
from planner.bench.next_report import NextReport
from planner.embedded.folders import temporary_folder
from planner.runtime.clock import SystemClock, SystemIds

app = typer.Typer(help="Measure this installation.")


@app.callback()
def bench() -> None:
    """Measure this installation."""


@app.command()
def burst(
    *,
    plans: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many one-shots are due at one instant.")] = 20_000,
    partitions: Annotated[int, typer.Option(min=1, max=64, help="Of each topic.")] = 4,
    warm_up: Annotated[int, typer.Option(min=0, help="So many are fired before, unmeasured: a new broker is slow.")] = 5_000,
    intake: Annotated[
        int, typer.Option(min=1, help="Plans that the owner can take in each second; it says how far ahead they are due.")
    ] = 1_500,
    raw_fires: Annotated[int, typer.Option(min=1, help="The bare loops write the records of at most so many fires.")] = 20_000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Fire many one-shots due at one instant, and write the same records with bare aiokafka loops; exit 1 if a fire is lost or doubled."""
    wanted = Burst(plans=plans, partitions=partitions, warm_up_plans=warm_up, lead_s_per_plan=1 / intake, raw_fires_max=raw_fires)
    try:
        with temporary_folder() as folder, _shown() as progress:
            report = asyncio.run(run_burst(wanted, folder, clock=SystemClock(), ids=SystemIds(), progress=progress))
    except BenchFailedError as error:
        typer.secho(f"planner bench burst: {error}", fg=typer.colors.RED, err=True)
        raise typer.Exit(1) from None
    if as_json:
        typer.echo(json.dumps(report.document()))
    else:
        Console().print(_table(report))
    raise typer.Exit(0 if report.ok else 1)


@app.command(name="next")
def next_occurrence(
    *,
    calls: Annotated[int, typer.Option(min=100, max=10_000_000, help="So many calls of each kind of rule.")] = 20_000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Find next occurrences of compiled rules in several zones, half of them near changes of offset, and labels with three libraries."""
    report = run_next(calls, clock=SystemClock())
    if as_json:
        typer.echo(json.dumps(report.document(), ensure_ascii=False))
    else:
        for table in _next_tables(report):
            Console().print(table)


class ShownProgress:
    """A bar on standard error, one phase at a time; nothing where that is no terminal."""

    def __init__(self, bar: Bar) -> None:
        self._bar = bar
        self._phase = bar.add_task("", total=1)

    def phase(self, what: str, total: int) -> None:
        self._bar.reset(self._phase, description=what, total=total)

    def advance(self, steps: int) -> None:
        self._bar.advance(self._phase, steps)


@contextmanager
def _shown() -> Iterator[ShownProgress]:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield ShownProgress(bar)


def _table(report: BurstReport) -> Table:
    table = Table(title="planner bench burst", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in report.lines():
        table.add_row(name, value)
    return table


def _next_tables(report: NextReport) -> tuple[Table, Table]:
    costs = Table("a call", "calls", "median µs", "p99 µs", "CPU µs", title="planner bench next")
    for name, cost in report.costs.items():
        costs.add_row(name, f"{cost.calls:,}", f"{cost.median_us:,.1f}", f"{cost.p99_us:,.1f}", f"{cost.cpu_us:,.1f}")
    figures = Table("Planner's median to theirs; aims", "measured", "at most", "met")
    for name, ratio in report.ratios.items():
        figures.add_row(name, f"{ratio:.3f}")
    for aim in report.aims:
        figures.add_row(aim.what, f"{aim.measured:.2f}", f"{aim.most:g}", "yes" if aim.met else "no")
    return costs, figures
