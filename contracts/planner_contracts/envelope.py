"""CloudEvents 1.0 record <-> Envelope. We write structured mode; we read structured, binary, and records without the header."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from planner_contracts.instants import Instant, format_instant
from planner_contracts.strict_json import JsonMalformedError, parse, text_is_storable

CONTENT_TYPE: Final = "application/cloudevents+json"
HEADERS: Final[list[tuple[str, bytes]]] = [("content-type", CONTENT_TYPE.encode())]

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_SPECVERSION: Final = "1.0"
_MODE_HEADER_PREFIX: Final = "ce_"
_TIME: Final = TypeAdapter[datetime](Instant)
ATTRIBUTE_CHARACTERS_MAX: Final = 400


class EnvelopeInvalidError(ValueError):
    """The record is no CloudEvent that Planner can read; the message says why. Such a record becomes a dead letter."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One CloudEvent. `subject`: run id for actions, run events, control and reports, else plan id. `data`: a JSON object."""

    id: str
    source: str
    type: str
    time: datetime | None
    subject: str | None
    tenant_id: str | None
    organization_id: str | None
    data: dict[str, Any]
    traceparent: str | None = None


def encode(envelope: Envelope) -> bytes:
    """The record's value in structured mode, attributes in the order of api.md, section 3; absent ones are left out."""
    attributes: dict[str, Any] = {
        "specversion": _SPECVERSION,
        "id": envelope.id,
        "source": envelope.source,
        "type": envelope.type,
        "time": None if envelope.time is None else format_instant(envelope.time),
        "subject": envelope.subject,
        "datacontenttype": "application/json",
        "tenantid": envelope.tenant_id,
        "organizationid": envelope.organization_id,
        "traceparent": envelope.traceparent,
        "data": envelope.data,
    }
    present = {name: value for name, value in attributes.items() if value is not None}
    return _ENCODER.encode(present).encode()


def decode(value: bytes | None, headers: Sequence[tuple[str, bytes | None]], *, surrogates: bool = False) -> Envelope:
    """The event in a record. Raises EnvelopeInvalidError if there is none: no value, not JSON, a required attribute missing or wrong.

    `surrogates`: lone ones are let through in `data`, for a caller that mends them.
    """
    if value is None:
        raise EnvelopeInvalidError("the record has no value")
    # Kafka's headers may be null, whatever the client's types say.
    given = [(name, content) for name, content in headers if name.startswith(_MODE_HEADER_PREFIX) and content is not None]
    binary = {name[len(_MODE_HEADER_PREFIX) :]: content for name, content in given}
    try:
        document = parse(value, surrogates=surrogates)
    except JsonMalformedError as error:
        raise EnvelopeInvalidError(f"not JSON: {error}") from None
    if not isinstance(document, dict):
        raise EnvelopeInvalidError("the value is not a JSON object")
    if "specversion" in binary:
        document = {name: _header_text(content) for name, content in binary.items()} | {"data": document}
    return _envelope(document)


def _header_text(content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise EnvelopeInvalidError("a ce_ header is not UTF-8") from None


def _envelope(document: dict[str, Any]) -> Envelope:
    if document.get("specversion") != _SPECVERSION:
        raise EnvelopeInvalidError("specversion is not 1.0")
    data = document.get("data")
    if not isinstance(data, dict):
        raise EnvelopeInvalidError("data is not a JSON object")
    required = {name: _attribute(document, name) for name in ("id", "source", "type")}
    if not all(required.values()):
        raise EnvelopeInvalidError("id, source and type are required")
    time_text = _attribute(document, "time")
    try:
        time = None if time_text is None else _TIME.validate_python(time_text)
    except ValidationError:
        raise EnvelopeInvalidError("time is not an RFC 3339 instant") from None
    return Envelope(
        id=required["id"] or "",
        source=required["source"] or "",
        type=required["type"] or "",
        time=time,
        subject=_attribute(document, "subject"),
        tenant_id=_attribute(document, "tenantid"),
        organization_id=_attribute(document, "organizationid"),
        data=data,
        traceparent=_attribute(document, "traceparent"),
    )


def _attribute(document: dict[str, Any], name: str) -> str | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > ATTRIBUTE_CHARACTERS_MAX or not text_is_storable(value):
        raise EnvelopeInvalidError(f"{name} is not a text of at most {ATTRIBUTE_CHARACTERS_MAX} storable characters")
    return value
