"""The files of the project, as a fresh clone has them."""

import os
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from tidy.rule import File

ROOT: Final = Path(__file__).resolve().parents[2]
# What tools and installations leave; the same folders as in .gitignore.
_LEFT_BY_TOOLS: Final = {
    ".git", ".venv", ".cache", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", ".import_linter_cache", "dist",
}  # fmt: skip


def _paths() -> Iterator[Path]:
    for folder, inner, names in os.walk(ROOT):
        inner[:] = sorted(name for name in inner if name not in _LEFT_BY_TOOLS)
        yield from (Path(folder) / name for name in sorted(names) if not name.endswith(".pyc") and not name.startswith(".coverage"))


@lru_cache(maxsize=1)
def files() -> tuple[File, ...]:
    """Every text file, in order of its path; a file that is not UTF-8 counts as an empty one (its path is still judged)."""
    return tuple(File(path.relative_to(ROOT).as_posix(), _text(path)) for path in _paths())


def file(path: str) -> File:
    return File(path, (ROOT / path).read_text(encoding="utf-8"))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
