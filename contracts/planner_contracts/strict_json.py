"""JSON as everything that comes from outside is read: RFC 8259, and nothing that two parsers would understand differently."""

import json
import math
from typing import Any, Never

DEPTH_MAX = 64


class JsonMalformedError(ValueError):
    """The text is not JSON, or not JSON that every reader understands alike; the message says where or why."""


def parse(encoded: bytes, *, surrogates: bool = False) -> Any:  # noqa: ANN401  JSON has no narrower type
    """The document. Raises JsonMalformedError for invalid UTF-8, NaN and infinities, numbers outside IEEE double, duplicate keys,
    lone surrogates (unless `surrogates` says that the caller mends them), a NUL-prefixed or other non-JSON text, and more than 64
    levels (scalars count none).
    """
    try:
        text = encoded.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonMalformedError(f"invalid UTF-8 at byte {error.start}") from None
    _refuse_depth(text)
    try:
        document = json.loads(
            text, object_pairs_hook=_unique_pairs, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_bounded_integer
        )
    except json.JSONDecodeError as error:
        raise JsonMalformedError(f"{error.msg} at line {error.lineno} column {error.colno}") from None
    # Looking for one character first: it is found, or not, many times faster than two.
    if not surrogates and "\\" in text and "\\u" in text:
        _refuse_surrogates(document)
    return document


def depth(document: object) -> int:
    """How many levels of objects and lists the document has; a scalar has none."""
    level, layer = 0, [document]
    while layer := [item for item in layer if isinstance(item, dict | list)]:
        level += 1
        layer = [child for item in layer for child in (item.values() if isinstance(item, dict) else item)]
    return level


def text_is_storable(text: str) -> bool:
    """Whether every part of the system can hold the text: no U+0000, no unpaired surrogate."""
    return "\x00" not in text and (text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text))


def _refuse_depth(text: str) -> None:
    # Counted on the text, before the parser recurses into it.
    level = 0
    quoted = escaped = False
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return
    for character in text:
        if quoted:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                quoted = False
        elif character == '"':
            quoted = True
        elif character in "[{":
            level += 1
            if level > DEPTH_MAX:
                raise JsonMalformedError(f"more than {DEPTH_MAX} levels")
        elif character in "]}":
            level -= 1


def _unique_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise JsonMalformedError(f"duplicate key {name[:40]!r}")
            seen.add(name)
    return members


def _refuse_constant(text: str) -> Never:
    raise JsonMalformedError(f"{text} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise JsonMalformedError(f"number {text[:40]} is outside IEEE double")
    return value


_INTEGER_DIGITS_MAX = 309  # the largest IEEE double has so many


def _bounded_integer(text: str) -> int:
    if len(text) > _INTEGER_DIGITS_MAX + 1:
        raise JsonMalformedError(f"number {text[:40]}… is outside IEEE double")
    value = int(text)
    try:
        float(value)
    except OverflowError:
        raise JsonMalformedError(f"number {text[:40]}… is outside IEEE double") from None
    return value


def _refuse_surrogates(document: object) -> None:
    layer = [document]
    while layer:
        children: list[object] = []
        for item in layer:
            if isinstance(item, str):
                if any("\ud800" <= character <= "\udfff" for character in item):
                    raise JsonMalformedError("a lone surrogate in a string")
            elif isinstance(item, dict):
                children.extend(item.keys())
                children.extend(item.values())
            elif isinstance(item, list):
                children.extend(item)
        layer = children
