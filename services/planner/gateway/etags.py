"""Entity tags of plans: `"<revision>-<digest>"`, the digest over what changes between revisions."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from planner.gateway.problems import ProblemError
from planner_contracts.errors import ErrorCode

_TAG: Final = re.compile(r'(?P<weak>W/)?"(?P<opaque>[\x21\x23-\x7e\x80-\xff]*)"')
_REVISION: Final = re.compile(r"([1-9][0-9]{0,9})(-[0-9a-f]+)?\Z", re.ASCII)
_DIGEST_CHARACTERS: Final = 12
_MOVING: Final = ("status", "next_run_at", "last_run")
_ANY: Final = "*"

NO_REVISION: Final = 2**31 - 1
"""A revision that no plan comes to: what is expected where no tag can match."""


def plan_tag(plan: Mapping[str, Any]) -> str:
    """The tag of a plan as it is shown."""
    moving = json.dumps([plan[name] for name in _MOVING], separators=(",", ":"))
    return f'"{plan["revision"]}-{hashlib.sha256(moving.encode()).hexdigest()[:_DIGEST_CHARACTERS]}"'


def is_unchanged(if_none_match: list[str], tag: str) -> bool:
    """Whether If-None-Match names this tag: compared weakly, and whole. What cannot be read names none."""
    tags = _parse(if_none_match)
    return tags is not None and (_ANY in tags or tag.strip('"') in (opaque.removeprefix("W/") for opaque in tags))


def expected_revision(if_match: list[str]) -> int | None:
    """The revision that If-Match asks for; None if any will do. Raises ProblemError, INVALID_PARAMETER, for what is no list of tags.

    Only the revision of a tag counts. A weak tag, or one that is not ours, matches nothing. Of several the newest is taken.
    """
    if not if_match:
        return None
    tags = _parse(if_match)
    if tags is None:
        raise ProblemError(ErrorCode.INVALID_PARAMETER, "If-Match: a list of entity tags is expected")
    if _ANY in tags:
        return None
    revisions = [int(found[1]) for tag in tags if (found := _REVISION.match(tag)) and int(found[1]) <= NO_REVISION]
    return max(revisions, default=NO_REVISION)


def _parse(headers: list[str]) -> list[str] | None:
    """The tags without their quotes, a weak one with `W/` before it; None if it is no list of tags."""
    tags: list[str] = []
    for part in ",".join(headers).split(","):
        text = part.strip()
        found = _TAG.fullmatch(text)
        if text == _ANY:
            tags.append(_ANY)
        elif found is not None:
            tags.append((found["weak"] or "") + found["opaque"])
        elif text:
            return None
    return tags or None
