"""`planner`: finds the command that is called and loads its module alone, so that an installation needs only the extras it uses."""

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from importlib.metadata import version
from typing import Any, Final

import typer

from planner.cli.extras import missing_extra
from planner.runtime.failures import IndefiniteError, StartupRefusedError, UnavailableError
from planner.runtime.log import quiet_libraries


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 78


@dataclass(frozen=True, slots=True)
class Entry:
    """`attribute` of `module` is a `typer.Typer` with commands of its own, or the function that is the command.

    `extra`: what it needs beyond a plain installation.
    """

    name: str
    module: str
    attribute: str
    summary: str
    extra: str | None
    panel: str


_STACK: Final = "A stack on this machine"
_PROCESSES: Final = "One process"
_OPERATION: Final = "Operation"

ENTRIES: Final = (
    Entry("up", "planner.cli.up", "up", "Start Kafka, Valkey, PostgreSQL and every service; stay until Ctrl-C.", "embedded", _STACK),
    Entry("demo", "planner.cli.demo", "demo", "Show the main job live, from a plan to a completed run.", "embedded", _STACK),
    Entry("gateway", "planner.cli.processes", "gateway", "The HTTP API.", "gateway", _PROCESSES),
    Entry("owner", "planner.cli.processes", "owner", "Decides commands and fires what is due.", "owner", _PROCESSES),
    Entry("recorder", "planner.cli.processes", "recorder", "Writes events into the run store.", "recorder", _PROCESSES),
    Entry("worker", "planner.cli.processes", "worker", "A worker: `module:worker`, or the sample.", "worker", _PROCESSES),
    Entry("topics", "planner.cli.topics", "app", "Make or verify the Kafka topics.", "owner", _OPERATION),
    Entry("db", "planner.cli.db", "app", "Make or migrate the database.", "recorder", _OPERATION),
    Entry("keys", "planner.cli.keys", "app", "Create, list and revoke API keys.", "recorder", _OPERATION),
    Entry("config", "planner.cli.config", "config", "Show the settings, secrets hidden.", "embedded", _OPERATION),
    Entry("verify", "planner.cli.verify", "verify", "Compare what must exist with what does.", "embedded", _OPERATION),
    Entry("preview", "planner.cli.preview", "app", "Show when a schedule fires.", None, _OPERATION),
    Entry("bench", "planner.cli.bench", "app", "Measure this installation.", "bench", _OPERATION),
)


def build(called: str | None) -> typer.Typer:
    """The command line in which only the called command is real; the others are there for the list that `--help` prints."""
    app = typer.Typer(
        name="planner",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode="rich" if sys.stdout.isatty() else None,
    )
    app.callback()(_options)
    for entry in ENTRIES:
        if entry.name == called:
            _add(app, entry, _load(entry))
        else:
            app.command(entry.name, help=entry.summary, rich_help_panel=entry.panel)(_not_loaded)
    return app


def _add(app: typer.Typer, entry: Entry, loaded: typer.Typer | Callable[..., Any]) -> None:
    if isinstance(loaded, typer.Typer):
        app.add_typer(loaded, name=entry.name, help=entry.summary, no_args_is_help=True)
    else:
        app.command(entry.name)(loaded)


def _load(entry: Entry) -> typer.Typer | Callable[..., Any]:
    loaded: typer.Typer | Callable[..., Any] = getattr(importlib.import_module(entry.module), entry.attribute)
    return loaded


def _not_loaded() -> None:
    raise AssertionError("only the called command runs")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"planner {version('planner-kafka')}")
        raise typer.Exit


def _options(
    *,
    _version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version."),
) -> None:
    """Planner: do this at that time, once, in this tenant's name, and show what happened."""


def _run(called: str | None, arguments: list[str]) -> None:
    """A command may import its process only when it runs, so a missing extra shows here."""
    try:
        build(called)(arguments, prog_name="planner")
    except ModuleNotFoundError as error:
        entry = next(entry for entry in ENTRIES if entry.name == called)
        if entry.extra is None:
            raise
        raise missing_extra(error, what=f"`planner {entry.name}`", extra=entry.extra) from error


def main(arguments: Sequence[str] | None = None) -> None:
    quiet_libraries()
    given = sys.argv[1:] if arguments is None else list(arguments)
    called = next((word for word in given if not word.startswith("-")), None)
    try:
        _run(called, given)
    except StartupRefusedError as error:
        typer.secho(f"planner: {error}", fg=typer.colors.RED, err=True)
        sys.exit(ExitCode.REFUSED)
    except (UnavailableError, IndefiniteError) as error:
        typer.secho(f"planner: {error}", fg=typer.colors.RED, err=True)
        sys.exit(ExitCode.FAILED)
