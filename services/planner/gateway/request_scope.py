"""Round every request: its id and trace, its log line, its metrics, and the last resort for what went wrong."""

import re
from typing import Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from planner.gateway.command_publisher import Trace
from planner.gateway.metrics import GatewayMetrics
from planner.runtime.clock import Clock, IdSource
from planner.runtime.log import get_logger

REQUEST_ID_HEADER: Final = "X-Request-Id"
TRACEPARENT_HEADER: Final = "traceparent"

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:/+=@-]{1,128}\Z", re.ASCII)
_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z", re.ASCII)
_UNMATCHED: Final = "unmatched"
_METHODS: Final = frozenset({"GET", "POST", "PATCH", "DELETE", "PUT", "HEAD", "OPTIONS"})

_log = get_logger("gateway")


def trace_of(request: Request) -> Trace:
    """What a record that this request causes carries."""
    return Trace(request.state.request_id, request.state.traceparent)


class RequestScope:
    """ASGI, outermost."""

    def __init__(self, app: ASGIApp, *, clock: Clock, ids: IdSource, metrics: GatewayMetrics) -> None:
        self._app = app
        self._clock = clock
        self._ids = ids
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = self._taken(headers, REQUEST_ID_HEADER, _REQUEST_ID) or self._ids.uuid()
        traceparent = self._taken(headers, TRACEPARENT_HEADER, _TRACEPARENT) or self._trace()
        scope.setdefault("state", {}).update(request_id=request_id, traceparent=traceparent)
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answered = MutableHeaders(scope=message)
                answered[REQUEST_ID_HEADER] = request_id
                answered[TRACEPARENT_HEADER] = traceparent
            await send(message)

        began = self._clock.monotonic()
        with structlog.contextvars.bound_contextvars(request_id=request_id, traceparent=traceparent):
            try:
                await self._app(scope, receive, answer)
            except ClientDisconnect:
                _log.info("gateway.request.abandoned", path=scope["path"])
            except Exception:  # noqa: BLE001 the outermost loop of a request; its answer, without detail, is sent already
                _log.exception("gateway.request.failed", path=scope["path"])
            self._note(scope, status, self._clock.monotonic() - began)

    @staticmethod
    def _taken(headers: Headers, name: str, pattern: re.Pattern[str]) -> str | None:
        given = headers.getlist(name)
        return given[0] if len(given) == 1 and pattern.match(given[0]) else None

    def _trace(self) -> str:
        trace_id, parent_id = (self._ids.uuid().replace("-", "") for _ in range(2))
        return f"00-{trace_id}-{parent_id[:16]}-01"

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", _UNMATCHED)
        # A label's values must be few, whatever callers send.
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.request_seconds.labels(method, route).observe(seconds)
        _log.info("gateway.request.answered", method=scope["method"], path=scope["path"], status=status, seconds=round(seconds, 6))
