"""Named queries from a package's `.sql` file: `-- name: insert_run`, a sentence, the statement."""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

_NAME: Final = re.compile(r"^-- name: (\w+)$", re.MULTILINE)

Queries = Mapping[str, str]
"""Name -> statement, as it is sent."""


def queries(package: str, file: str) -> Queries:
    """The queries of a file of a package. Raises ValueError if a name stands twice, or without a statement."""
    text = files(package).joinpath(file).read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    named = {name: _statement(body) for name, body in zip(parts[::2], parts[1::2], strict=True)}
    if len(named) * 2 != len(parts) or not all(named.values()):
        raise ValueError(f"{package}/{file}: a query is named twice, or is empty")
    return named


def _statement(body: str) -> str:
    lines = [line for line in body.splitlines() if not line.lstrip().startswith("--")]
    return "\n".join(lines).strip().removesuffix(";")
