"""`planner topics`: the Kafka topics of a namespace."""

import asyncio
import json
from typing import Annotated

import typer

from planner.runtime.kafka import KafkaConnection
from planner.runtime.settings import TopicSettings, load
from planner.runtime.topic_admin import apply_topics
from planner_contracts.ids import is_action
from planner_contracts.topics import PARTITIONS_MAX, REPLICATION_MAX

app = typer.Typer(help="The Kafka topics of a namespace (PLANNER_KAFKA, PLANNER_NAMESPACE).", no_args_is_help=True)


@app.command()
def apply(
    *,
    action: Annotated[list[str] | None, typer.Option(help="Repeatable: make this action's topics too, which registers it.")] = None,
    partitions: Annotated[
        int | None, typer.Option(min=1, max=PARTITIONS_MAX, help="N, fixed when the namespace is made; PLANNER_PARTITIONS if left out.")
    ] = None,
    replication: Annotated[
        int | None,
        typer.Option(min=1, max=REPLICATION_MAX, help="Copies of each record in a new namespace; PLANNER_REPLICATION if left out."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make the topics that are missing and verify the others. Repeating it changes nothing; what is other than declared is refused."""
    actions = action or []
    for name in actions:
        if not is_action(name):
            raise typer.BadParameter(f"{name!r} is not lower-case letters and digits joined by single . or -", param_hint="--action")
    settings = load(TopicSettings)
    count = settings.partitions if partitions is None else partitions
    applied = asyncio.run(
        apply_topics(
            KafkaConnection.from_settings(settings),
            namespace=settings.namespace,
            partitions=count,
            actions=actions,
            replication=settings.replication if replication is None else replication,
        )
    )
    if as_json:
        document = {"namespace": settings.namespace, "partitions": count, "incarnation": applied.incarnation}
        typer.echo(json.dumps(document | {"made": applied.made, "verified": applied.verified}))
        return
    for done, names in (("verified", applied.verified), ("made", applied.made)):
        for name in names:
            typer.echo(f"{done:9} {name}")
    typer.echo(f"{settings.namespace} has {count} partitions and is incarnation {applied.incarnation}")
