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
