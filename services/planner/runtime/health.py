"""/livez, /readyz and /metrics of a process, on a port of its own."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from planner.runtime.failures import StartupRefusedError

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 3.0


class Health:
    """What a process must have before it is ready: each check is named, and false until it is set."""

    def __init__(self, *checks: str) -> None:
        self._missing: dict[str, str] = dict.fromkeys(checks, "not yet")

    def set(self, check: str, *, ready: bool, reason: str = "") -> None:
        """The check holds, or it does not, and why."""
        if ready:
            self._missing.pop(check, None)
        else:
            self._missing[check] = reason

    @property
    def missing(self) -> dict[str, str]:
        """Checks that do not hold, and why; empty when the process is ready."""
        return dict(self._missing)


@asynccontextmanager
async def serve_health(health: Health, registry: CollectorRegistry, *, host: str, port: int) -> AsyncIterator[str]:
    """Serve until the block ends; gives the URL that was bound. Raises StartupRefusedError if the port is taken."""
    server = uvicorn.Server(
        uvicorn.Config(
            _app(health, registry), host=host, port=port, log_config=None, lifespan="off", access_log=False, timeout_graceful_shutdown=1
        )
    )
    async with bound(server) as url:
        yield url


@asynccontextmanager
async def bound(server: uvicorn.Server) -> AsyncIterator[str]:
    """Run a server in the running loop, without its signal handlers, and give its URL. Raises StartupRefusedError if the port is taken.

    A server that fails ends the block.
    """
    # Bound here: uvicorn would write the reason to its own log, and exit.
    listener = _listener(server.config.host, server.config.port)
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    async with asyncio.timeout(START_TIMEOUT_S):
        await server.startup([listener])
    host, port = listener.getsockname()[:2]
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(server.main_loop())
            try:
                yield f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
            finally:
                server.should_exit = True
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await server.shutdown([listener])
    except BaseExceptionGroup as failed:
        if len(failed.exceptions) > 1:
            raise
        # What the block itself raised is its caller's to know by its type.
        raise failed.exceptions[0] from failed.exceptions[0].__cause__


def _listener(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise StartupRefusedError(f"cannot listen on {host}:{port}: {os.strerror(error.errno) if error.errno else error}") from None


def _app(health: Health, registry: CollectorRegistry) -> Starlette:
    async def livez(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        missing = health.missing
        return JSONResponse({"ready": not missing, "missing": missing}, status_code=503 if missing else 200)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return Starlette(routes=[Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", metrics)])
