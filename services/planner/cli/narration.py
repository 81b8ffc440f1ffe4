"""What `planner up` prints while it works: a line for each thing that happens, coloured on a terminal only."""

import shlex
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape

from planner.embedded.program import Program


class Narration:
    """The supervisor's watcher on a console."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def found(self, what: str) -> None:
        self._say("found", what, "yellow")

    def starting(self, what: str) -> None:
        self._say("starting", what, "cyan")

    def started(self, program: Program, pid: int) -> None:
        self._say("started", f"{program.command.name} (pid {pid})", "dim")

    def ended(self, program: Program, pid: int) -> None:
        self._say("ended", f"{program.command.name} (pid {pid})", "dim")

    def restarting(self, program: Program, *, exit_code: int, delay_s: float) -> None:
        why = f"by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"with exit code {exit_code}"
        what = f"{program.command.name} ended {why}; starting it again in {delay_s:.1f} s (its log: {program.command.log})"
        self._say("restarting", what, "red")

    def stopping(self, what: str) -> None:
        self._say("stopping", what, "cyan")

    def _say(self, verb: str, what: str, style: str) -> None:
        self._console.print(f"[{style}]{verb:>10}[/] {escape(what)}", highlight=False, soft_wrap=True)


def print_ready(console: Console, reach: Mapping[str, Any]) -> None:
    """What runs, and a first request to copy."""
    console.print("\n[bold green]Planner is ready.[/] Ctrl-C stops it.\n", highlight=False)
    for name, value in (
        ("gateway", f"{reach['gateway']}  (its API is described at {reach['gateway']}/docs)"),
        ("kafka", reach["kafka"]),
        ("redis", reach["redis"]),
        ("postgres", reach["postgres"]),
        ("data", f"{reach['data']}  (logs are in {reach['data']}/logs, all of this and the health addresses in up.json)"),
        ("API key", reach["api_key"]),
    ):
        console.print(f"  [bold]{name:<9}[/] {escape(value)}", highlight=False, soft_wrap=True)
    console.print("\nIn another terminal, a sample worker and a plan for every five seconds:\n", highlight=False)
    request = _FIRST_REQUEST.format(planner=Path(sys.argv[0]), dsn=shlex.quote(reach["postgres"]), **reach)
    console.print(escape(request), highlight=False, soft_wrap=True)


_FIRST_REQUEST: Final = """\
  export PLANNER={gateway} KEY={api_key} PLANNER_KAFKA={kafka} PLANNER_NAMESPACE={namespace} PLANNER_POSTGRES={dsn}
  {planner} worker &
  curl -s $PLANNER/api/v1/plans -H "Authorization: Bearer $KEY" -H 'Content-Type: application/json' \\
    -d '{{"action": "content.publish", "payload": {{"content_id": "42"}}, "recurrence": {{"type": "interval", "every_seconds": 5}}}}'
  curl -s $PLANNER/api/v1/plans -H "Authorization: Bearer $KEY"
"""
