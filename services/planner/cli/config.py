"""`planner config`: what each process would be told if it started now."""

import importlib
import json
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any, Final

import typer
from pydantic_settings import BaseSettings

from planner.cli.extras import missing_extra
from planner.runtime.failures import StartupRefusedError
from planner.runtime.lifecycle import EXIT_REFUSED
from planner.runtime.settings import FILE_VARIABLE, PREFIX, given, load, public, variable


@dataclass(frozen=True, slots=True)
class Reader:
    """What reads settings, and where their class is. `extra`: what brings it."""

    module: str
    settings: str
    extra: str


READERS: Final = MappingProxyType(
    {
        "gateway": Reader("planner.gateway.settings", "GatewaySettings", "gateway"),
        "owner": Reader("planner.owner.settings", "OwnerSettings", "owner"),
        "recorder": Reader("planner.recorder.settings", "RecorderSettings", "recorder"),
        "worker": Reader("planner.worker.settings", "WorkerSettings", "worker"),
        "topics": Reader("planner.runtime.settings", "TopicSettings", "owner"),
        "up": Reader("planner.embedded.settings", "StackSettings", "embedded"),
    }
)


def config(
    process: Annotated[str | None, typer.Argument(help=f"One of {', '.join(READERS)}; all if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the settings, secrets hidden, and what is wrong with them; exit 78 if a process would refuse to start."""
    if process is not None and process not in READERS:
        raise typer.BadParameter(f"not one of {', '.join(READERS)}", param_hint="PROCESS")
    shown = {name: _shown(reader) for name, reader in READERS.items() if process in (None, name)}
    unread = [] if process else _unread()
    if as_json:
        typer.echo(json.dumps({"processes": shown, "read_by_none": unread}))
    else:
        _print(shown, unread)
        typer.echo("These are the settings of this terminal. Those of a stack of `planner up` are under `env` in its up.json.")
    if any("error" in found for found in shown.values()):
        raise typer.Exit(EXIT_REFUSED)


def settings_class(reader: Reader) -> type[BaseSettings]:
    """Loads the settings' module alone. Raises StartupRefusedError naming the extra if it needs a package that is not there."""
    try:
        module = importlib.import_module(reader.module)
    except ModuleNotFoundError as error:
        raise missing_extra(error, what=reader.settings, extra=reader.extra) from error
    found: type[BaseSettings] = getattr(module, reader.settings)
    return found


def _shown(reader: Reader) -> dict[str, Any]:
    try:
        settings = load(settings_class(reader))
    except StartupRefusedError as refusal:
        return {"error": str(refusal)}
    return {"settings": {variable((name,)): value for name, value in sorted(public(settings).items())}}


def _unread() -> list[str]:
    """Variables that look like ours and that nothing reads: mistyped, most likely."""
    read = {variable((name,)) for reader in READERS.values() for name in settings_class(reader).model_fields} | {FILE_VARIABLE}
    return sorted(name for name in given() if name.startswith(PREFIX) and name.upper() not in read)


def _print(shown: dict[str, dict[str, Any]], unread: list[str]) -> None:
    for name, found in shown.items():
        typer.echo(name)
        for key, value in found.get("settings", {}).items():
            typer.echo(f"  {key}={'' if value is None else value}")
        if "error" in found:
            typer.secho(f"  {found['error']}", fg=typer.colors.RED)
    for name in unread:
        typer.secho(f"{name} is set, and no process reads it", fg=typer.colors.YELLOW)
