"""Where embedded servers keep things: the cache of downloads, the data of a stack, a stack's temporary folder."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from planner.embedded.abandoned import PREFIX, marked, remove
from planner.runtime.settings import environment

KAFKA_VERSION: Final = "4.3.1"


def cache_folder() -> Path:
    return _xdg("XDG_CACHE_HOME", ".cache") / "planner"


def data_folder() -> Path:
    return _xdg("XDG_DATA_HOME", ".local/share") / "planner"


def kafka_jars() -> Path:
    return cache_folder() / f"kafka-{KAFKA_VERSION}"


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A new folder, removed at the end with what is kept elsewhere for it.

    Others may pass through it, or an unprivileged PostgreSQL could not reach its files in it.
    """
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    with marked(folder):
        folder.chmod(0o711)
        try:
            yield folder
        finally:
            remove(folder)


def temporary_parent() -> Path:
    """Where those folders are."""
    return Path(tempfile.gettempdir())


def _xdg(variable: str, default: str) -> Path:
    given = environment().get(variable, "")
    return Path(given) if given.startswith("/") else Path.home() / default
