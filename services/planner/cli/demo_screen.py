"""What the demo shows: acts, what happens in them with its time, the table of runs, the ledger's verdict."""

import signal
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from planner.embedded.program import Program
from planner.ledger.check import Report
from planner.runtime.clock import Clock
from planner.runtime.kafka import SESSION_TIMEOUT_MS

_RUNS_SHOWN: Final = 5
_COLUMNS: Final = ("plan", "revision", "due (UTC)", "state", "late (ms)")
# Nothing tells Kafka that a killed process is gone, but that it is silent.
_TAKES_OVER: Final = f"it takes over when Kafka has not heard of the killed owner for {SESSION_TIMEOUT_MS / 1000:.0f} s"
_STYLES: Final[Mapping[str, str]] = {
    "due → action": "bold green",
    "completed": "green",
    "failed": "red",
    "caught up": "bold green",
    "killed": "bold red",
    "restarting": "red",
}


class Screen:
    """Also the supervisor's watcher, of which little is shown: `pids` are the newest of each service."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._stack_is_up = False
        self.pids: dict[str, int] = {}

    def announce(self, act: str) -> None:
        self._stack_is_up = True
        self._console.print(f"\n[bold]{escape(act)}[/]")

    def say(self, verb: str, what: str) -> None:
        style = _STYLES.get(verb, "cyan")
        self._console.print(f"  {self._clock.now():%H:%M:%S.%f}"[:-3], f"[{style}]{verb:>14}[/]  {escape(what)}")

    def found(self, what: str) -> None:
        self.say("found", what)

    def starting(self, what: str) -> None:
        self.say("starting", what)

    def started(self, program: Program, pid: int) -> None:
        self.pids[program.service] = pid
        if self._stack_is_up:
            self.say("started again", f"{program.command.name} (pid {pid})")
            if program.service == "owner":
                self.say("waiting", _TAKES_OVER)

    def ended(self, program: Program, pid: int) -> None: ...

    def restarting(self, program: Program, *, exit_code: int, delay_s: float) -> None:
        why = signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"
        self.say("restarting", f"{program.command.name} after {why}, in {delay_s:.1f} s")

    def stopping(self, what: str) -> None:
        self.say("stopping", what)

    def show_runs(self, plans: Sequence[tuple[str, list[dict[str, Any]]]]) -> None:
        """A few runs of each plan, as the API gives them: the newest first."""
        table = Table(title="Runs, from the HTTP API", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
        for column in _COLUMNS:
            table.add_column(column, no_wrap=True, justify="right" if column == "late (ms)" else "left")
        for name, runs in plans:
            for run in runs[:_RUNS_SHOWN]:
                due_at = f"{datetime.fromisoformat(run['due_at']):%H:%M:%S.%f}"[:-3]
                row = (name, str(run["plan_revision"]), due_at, run["state"], f"{run['lateness_ms']:.1f}")
                table.add_row(*(escape(cell) for cell in row))
            if len(runs) > _RUNS_SHOWN:
                table.add_row(name, "", f"and {len(runs) - _RUNS_SHOWN} more", "", "")
        self._console.print()
        self._console.print(table)

    def judge(self, report: Report) -> None:
        for difference in report.differences:
            self._console.print(f"  [bold red]{difference.kind}[/]  {escape(difference.detail)}")
        lost = "[bold green]nothing lost, nothing doubled, nothing early[/]" if report.ok else "[bold red]differences[/]"
        counts = f"{report.expected} occurrences expected, {report.fired} actions on Kafka, {report.rows} runs recorded"
        self._console.print(f"\n{lost}: {counts}\n")

    def fail(self, why: object) -> None:
        self._console.print(f"\n[bold red]the demo failed:[/] {escape(str(why))}")
