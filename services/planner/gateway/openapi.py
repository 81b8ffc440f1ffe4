"""What OpenAPI says beyond what the routes' signatures do: headers, bodies, problems."""

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from planner.gateway.problems import MEDIA_TYPE
from planner_contracts.ids import PLAN_ID_NAMESPACE
from planner_contracts.plan import PlanDefinition

_REFERENCE: Final = "#/components/schemas/{model}"
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {"pointer": {"type": "string"}, "code": {"type": "string"}, "detail": {"type": "string"}},
            },
        },
    },
}
_SOME_PROBLEM: Final = {"description": "A problem", "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
_ITEMS: Final = {
    "type": "object",
    "required": ["items", "next_cursor"],
    "properties": {"items": {"type": "array", "items": {"type": "object"}}, "next_cursor": {"type": ["string", "null"]}},
}

PROBLEM_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {"4XX": _SOME_PROBLEM, "5XX": _SOME_PROBLEM}
COMMAND_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    **PROBLEM_ANSWERS,
    202: {"description": "Published; what becomes of it is at Location"},
}
LIST_ANSWERS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "A page", "content": {"application/json": {"schema": _ITEMS}}},
}
COMMAND_HEADERS: Final[dict[str, Any]] = {
    "parameters": [
        {"name": name, "in": "header", "required": False, "description": why, "schema": {"type": "string"}}
        for name, why in (
            ("Idempotency-Key", "1 to 255 printable ASCII characters: a repeat of the same request gets the first answer again"),
            ("Prefer", "`wait=n` seconds, or `respond-async`"),
            ("If-Match", "the ETag of the plan that is to be changed; only its revision counts"),
            ("X-Request-Id", "made if none is given; echoed, logged and carried to Kafka"),
        )
    ]
}


def request_body(media_types: Sequence[str], model: type[BaseModel] | None) -> dict[str, Any]:
    """The body of a request, which the route reads itself: bounded, and with our own errors."""
    schema = {"type": "object"} if model is None else {"$ref": _REFERENCE.format(model=model.__name__)}
    return {"requestBody": {"required": True, "content": {media_type: {"schema": schema} for media_type in media_types}}}


def optional_body(properties: dict[str, Any]) -> dict[str, Any]:
    """The body of a request that may be left out: an object of these members."""
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return {"requestBody": {"required": False, "content": {"application/json": {"schema": schema}}}}


def describe(app: FastAPI) -> dict[str, Any]:
    """The whole document."""
    document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    document["info"]["x-plan-id-namespace"] = str(PLAN_ID_NAMESPACE)
    _, definitions = models_json_schema([(PlanDefinition, "validation")], ref_template=_REFERENCE)
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(definitions["$defs"])
    schemas["Problem"] = _PROBLEM
    return document
