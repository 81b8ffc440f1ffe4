"""The zone files of the pinned wheel, read by their own format (RFC 8536): an oracle that does not go through zoneinfo."""

import shutil
import struct
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

_HEADER = struct.Struct(">4s c 15x 6l")


@dataclass(frozen=True, slots=True)
class Change:
    """One change of offset: when, from which to which, in seconds."""

    at: int
    before: int
    offset: int


def changes_in_file(timezone: str) -> tuple[Change, ...]:
    """The changes that the file lists, rising; those that its footer's rule makes after the last one are not among them."""
    content = (Path(str(files("tzdata"))) / "zoneinfo" / timezone).read_bytes()
    start = _HEADER.size + _body_size(content, 0, time_size=4)
    magic, _, _, _, _, times, types, _ = _HEADER.unpack_from(content, start)
    assert magic == b"TZif"
    instants = struct.unpack_from(f">{times}q", content, start + _HEADER.size)
    indices = content[start + _HEADER.size + 8 * times :][:times]
    offsets = [struct.unpack_from(">l", content, start + _HEADER.size + 9 * times + 6 * index)[0] for index in range(types)]
    listed = [(instant, offsets[index]) for instant, index in zip(instants, indices, strict=True)]
    return tuple(Change(at, before, offset) for (_, before), (at, offset) in pairwise(listed) if before != offset)


def one_name_for_each_zone(names: frozenset[str]) -> list[str]:
    """The names without their links: one for each different content."""
    by_content: dict[bytes, list[str]] = defaultdict(list)
    for name in sorted(names):
        by_content[(Path(str(files("tzdata"))) / "zoneinfo" / name).read_bytes()].append(name)
    return [same[0] for same in by_content.values()]


def _body_size(content: bytes, at: int, *, time_size: int) -> int:
    _, _, isutc, isstd, leaps, times, types, characters = _HEADER.unpack_from(content, at)
    size: int = times * time_size + times + types * 6 + characters + leaps * (time_size + 4) + isstd + isutc
    return size


def doctored_tzdata(folder: Path, version: str, zones: Mapping[str, Change]) -> Path:
    """A copy of the pinned package under another version, in which these zones have one change of offset and no other: its parent."""
    package = folder / "tzdata"
    shutil.copytree(str(files("tzdata")), package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "__init__.py").write_text(f'IANA_VERSION = "{version}"\n')
    for name, change in zones.items():
        (package / "zoneinfo" / name).write_bytes(_zone_file(change))
    return folder


def _zone_file(change: Change) -> bytes:
    # Version 2: a body of 32-bit times, which nobody reads, the same with 64 bits, and the rule from then on.
    none = _HEADER.pack(b"TZif", b"2", 0, 0, 0, 0, 1, 4) + struct.pack(">lBB", change.before, 0, 0) + b"-00\0"
    listed = _HEADER.pack(b"TZif", b"2", 0, 0, 0, 1, 2, 4) + struct.pack(">qB", change.at, 1)
    types = b"".join(struct.pack(">lBB", offset, 0, 0) for offset in (change.before, change.offset)) + b"-00\0"
    hours = change.offset // 3600
    return none + listed + types + f"\n<{hours:+03d}>{-hours}\n".encode()
