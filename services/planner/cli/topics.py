"""`planner topics`: the Kafka topics of a namespace."""

import asyncio
import json
from typing import Annotated

import typer

from planner.runtime.kafka import KafkaConnection
from planner.runtime.settings import TopicSettings, load
from planner.runtime.topic_admin import Applied, apply_topics
from planner_contracts import ids

app = typer.Typer(help="The Kafka topics of the namespace (PLANNER_NAMESPACE, in PLANNER_KAFKA).", no_args_is_help=True)


@app.callback()
def topics() -> None:
    """The Kafka topics of the namespace."""


@app.command()
def apply(
    *,
    action: Annotated[list[str] | None, typer.Option(help="Register this action: make its topics too. Repeatable.")] = None,
    partitions: Annotated[int | None, typer.Option(min=1, max=1024, help="N; PLANNER_PARTITIONS if not given.")] = None,
    replication: Annotated[int | None, typer.Option(min=1, max=9, help="Copies of each record; PLANNER_REPLICATION if not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make the topics that are missing and verify the others. What is other than declared is refused, and nothing changed."""
    for name in action or ():
        if not ids.is_action(name):
            raise typer.BadParameter(f"{name!r} is no action: [a-z0-9]+([.-][a-z0-9]+)*, at most {ids.ACTION_CHARACTERS_MAX} characters")
    settings = load(TopicSettings)
    applied = asyncio.run(
        apply_topics(
            KafkaConnection.from_settings(settings),
            namespace=settings.namespace,
            partitions=partitions or settings.partitions,
            actions=action or (),
            replication=replication or settings.replication,
        )
    )
    _print(applied, as_json=as_json)


def _print(applied: Applied, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"made": applied.made, "verified": applied.verified, "incarnation": applied.incarnation}))
        return
    for name in applied.verified:
        typer.echo(f"verified {name}")
    for name in applied.made:
        typer.secho(f"made     {name}", fg=typer.colors.GREEN)
