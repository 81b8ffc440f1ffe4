"""The few calls of the HTTP API that the demo makes."""

from collections.abc import Mapping
from typing import Any, Final

import httpx

_TIMEOUT_S: Final = 15.0
_RUNS_MOST: Final = 200


class DemoFailedError(Exception):
    """The demo did not show what it promises; the message says what."""


class DemoApi:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def create(self, definition: dict[str, Any], *, key: str) -> dict[str, Any]:
        """The same `key` again gives the same plan again."""
        return await self._call("POST", "/api/v1/plans", json=definition, headers={"Idempotency-Key": key})

    async def update(self, plan_id: str, patch: dict[str, Any]) -> dict[str, Any]:
        return await self._call("PATCH", f"/api/v1/plans/{plan_id}", json=patch)

    async def cancel(self, plan_id: str) -> dict[str, Any]:
        return await self._call("DELETE", f"/api/v1/plans/{plan_id}")

    async def runs(self, plan_id: str) -> list[dict[str, Any]]:
        """The newest first; the demo makes fewer than one page."""
        page = await self._call("GET", f"/api/v1/plans/{plan_id}/runs", params={"limit": _RUNS_MOST})
        items: list[dict[str, Any]] = page["items"]
        return items

    async def _call(self, method: str, path: str, **how: Any) -> dict[str, Any]:  # noqa: ANN401 (passed on to httpx)
        answer = await self._client.request(method, path, **how)
        if answer.is_error:
            raise DemoFailedError(f"{method} {path} answered {answer.status_code}: {answer.text}")
        body: dict[str, Any] = answer.json()
        return body


def api_client(reach: Mapping[str, Any]) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=reach["gateway"], headers={"Authorization": f"Bearer {reach['api_key']}"}, timeout=_TIMEOUT_S)
