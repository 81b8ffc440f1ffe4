"""`planner config`: every process's settings as they are now."""

import json
from typing import Annotated, Final

import typer
from pydantic_settings import BaseSettings

from planner.gateway.settings import GatewaySettings
from planner.owner.settings import OwnerSettings
from planner.recorder.settings import RecorderSettings
from planner.runtime.failures import StartupRefusedError
from planner.runtime.settings import TopicSettings, load, public, variable
from planner.worker.settings import WorkerSettings

_READERS: Final[dict[str, type[BaseSettings]]] = {
    "gateway": GatewaySettings,
    "owner": OwnerSettings,
    "recorder": RecorderSettings,
    "worker": WorkerSettings,
    "topics": TopicSettings,
}


def config(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show each process's settings, from the environment or the file that PLANNER_SETTINGS_FILE names; secrets are hidden.

    Exit code 1 if a process would refuse to start with them.
    """
    shown: dict[str, dict[str, object]] = {}
    refused: dict[str, str] = {}
    for reader, settings_class in _READERS.items():
        try:
            shown[reader] = {variable((name,)): value for name, value in public(load(settings_class)).items()}
        except StartupRefusedError as refusal:
            refused[reader] = str(refusal)
    if as_json:
        typer.echo(json.dumps({"settings": shown, "refused": refused}, default=str))
    else:
        _print(shown, refused)
    if refused:
        raise typer.Exit(1)


def _print(shown: dict[str, dict[str, object]], refused: dict[str, str]) -> None:
    for reader, settings in shown.items():
        typer.secho(reader, bold=True)
        for name, value in settings.items():
            typer.echo(f"  {name}={'' if value is None else value}")
    for reader, refusal in refused.items():
        typer.secho(f"{reader} would not start: {refusal}", fg=typer.colors.RED, err=True)
