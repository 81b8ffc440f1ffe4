"""`planner keys`: who may call the HTTP API."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, TypeVar

import typer

from planner.cli.columns import columns
from planner.recorder.api_keys import ApiKey, ApiKeyInvalidError, ApiKeys, Grant, make_key
from planner.recorder.database import run_store_connection
from planner.runtime.clock import SystemClock, secret
from planner.runtime.settings import PostgresSettings, load
from planner.runtime.sql import queries
from planner_contracts.instants import format_instant

app = typer.Typer(help="API keys of the HTTP API (in PLANNER_POSTGRES).", no_args_is_help=True)

T = TypeVar("T")

_DAYS = re.compile(r"P([1-9]\d{0,4})D\Z", re.ASCII)
_HEADINGS: Final = ("id", "tenant", "organizations", "scopes", "created", "expires", "revoked", "last used")
_DATE_CHARACTERS: Final = len("2026-12-31")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def create(
    *,
    tenant: Annotated[str, typer.Option(help="The tenant it belongs to; it comes into being by being named.")],
    organization: Annotated[list[str] | None, typer.Option(help="Repeatable; all of the tenant's if none is named.")] = None,
    scope: Annotated[list[str] | None, typer.Option(help="Repeatable, as `plans:read`; all if none is named.")] = None,
    expires: Annotated[str | None, typer.Option(help="A date (2026-12-31, valid to its end in UTC), an instant, or P30D.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create a key. Its token is shown now and never again."""
    now = SystemClock().now()
    try:
        grant = Grant(tenant, organization, scope, None if expires is None else expiry(expires, now=now))
        new = make_key(grant, now=now, randomness=secret)
    except ApiKeyInvalidError as error:
        raise typer.BadParameter(str(error)) from None
    asyncio.run(_with_keys(lambda keys: keys.insert(new)))
    if as_json:
        typer.echo(json.dumps({"id": new.key.id, "token": new.token} | _shown(new.key)))
    else:
        typer.echo(new.token)
        typer.echo("Keep it: it is not shown again.", err=True)


@app.command("list")
def list_keys(*, tenant: Annotated[str | None, typer.Option(help="Only this tenant's.")] = None, as_json: AsJson = False) -> None:
    """All keys, without their secrets, the oldest first."""
    found = asyncio.run(_with_keys(lambda keys: keys.list(tenant)))
    if as_json:
        typer.echo(json.dumps([{"id": key.id} | _shown(key) | _seen(key) for key in found]))
        return
    for line in columns([_HEADINGS, *(_cells(key) for key in found)]):
        typer.echo(line)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(metavar="ID", help="The part between `pk_` and the second `_`.")]) -> None:
    """End a key for good, at once."""
    if not asyncio.run(_with_keys(lambda keys: keys.revoke(key_id, now=SystemClock().now()))):
        typer.echo(f"there is no key {key_id}", err=True)
        raise typer.Exit(1)
    typer.echo(f"revoked {key_id}")


def expiry(text: str, *, now: datetime) -> datetime:
    """`P30D` from now, an RFC 3339 instant, or a date: then the end of that day in UTC. Raises ApiKeyInvalidError."""
    try:
        if days := _DAYS.match(text):
            return now + timedelta(days=int(days[1]))
        moment = datetime.fromisoformat(text)
        if len(text) == _DATE_CHARACTERS:
            return moment.replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise ApiKeyInvalidError(f"{text!r} is neither a date nor a duration as P30D") from None
    if moment.tzinfo is None:
        raise ApiKeyInvalidError(f"{text!r} has no offset: end it with Z")
    return moment.astimezone(UTC)


async def _with_keys(use: Callable[[ApiKeys], Coroutine[Any, Any, T]]) -> T:
    async with run_store_connection(load(PostgresSettings).postgres.get_secret_value()) as connection:
        return await use(ApiKeys(connection, queries("planner.recorder", "sql/queries.sql")))


def _cells(key: ApiKey) -> list[str]:
    times = (key.created_at, key.expires_at, key.revoked_at, key.last_used_at)
    many = (",".join(names or ("all",)) for names in (key.organizations, key.scopes))
    return [key.id, key.tenant_id, *many, *(_instant(moment) or "-" for moment in times)]


def _shown(key: ApiKey) -> dict[str, object]:
    return {
        "tenant_id": key.tenant_id,
        "organizations": key.organizations,
        "scopes": key.scopes,
        "expires_at": _instant(key.expires_at),
    }


def _seen(key: ApiKey) -> dict[str, object]:
    return {name: _instant(getattr(key, name)) for name in ("created_at", "revoked_at", "last_used_at")}


def _instant(moment: datetime | None) -> str | None:
    return None if moment is None else format_instant(moment)
