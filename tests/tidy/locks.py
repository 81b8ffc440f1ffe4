"""Read pyproject.toml and the locks, and compare them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

_PINNED: Final = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^\]]*\])?==(?P<version>[^\s;\\]+)")
_HASH: Final = re.compile(r"^\s+--hash=sha256:[0-9a-f]{64}( \\)?$")


@dataclass(frozen=True, slots=True)
class Locked:
    version: Version
    hashes: int


def read_lock(text: str) -> dict[str, Locked]:
    """Canonical name -> what is pinned; of several versions for several platforms the last one."""
    locked: dict[str, Locked] = {}
    name = ""
    for line in text.splitlines():
        if pinned := _PINNED.match(line):
            name = canonicalize_name(pinned["name"])
            locked[name] = Locked(Version(pinned["version"]), 0)
        elif _HASH.match(line) and name:
            locked[name] = Locked(locked[name].version, locked[name].hashes + 1)
    return locked


def asked_for(pyproject: Mapping[str, Any], *, extras: Sequence[str]) -> tuple[Requirement, ...]:
    """What an installation with these extras asks for, the project's own extras followed."""
    project = pyproject["project"]
    own = canonicalize_name(project["name"])
    waiting, seen, found = [*extras], set[str](), [Requirement(text) for text in project["dependencies"]]
    while waiting:
        extra = waiting.pop()
        if extra in seen:
            continue
        seen.add(extra)
        for requirement in map(Requirement, project["optional-dependencies"][extra]):
            if canonicalize_name(requirement.name) == own:
                waiting.extend(requirement.extras)
            else:
                found.append(requirement)
    return tuple(found)


def grouped(pyproject: Mapping[str, Any], group: str) -> tuple[Requirement, ...]:
    """What a dependency group asks for, the groups that it includes followed."""
    found: list[Requirement] = []
    for entry in pyproject["dependency-groups"][group]:
        found.extend((Requirement(entry),) if isinstance(entry, str) else grouped(pyproject, entry["include-group"]))
    return tuple(found)


def faults(requirements: Sequence[Requirement], lock: Mapping[str, Locked]) -> Iterator[str]:
    for requirement in requirements:
        locked = lock.get(canonicalize_name(requirement.name))
        if locked is None:
            yield f"{requirement.name} is not locked: make locks"
        elif not requirement.specifier.contains(locked.version, prereleases=True):
            yield f"{requirement.name} is locked at {locked.version}, asked for is {requirement.specifier}: make locks"
    for name, locked in lock.items():
        if not locked.hashes:
            yield f"{name} has no hash"
