"""What the README shows, so that tests do what its readers do."""

import json
import re
from pathlib import Path
from typing import Any

_TEXT = (Path(__file__).parents[2] / "README.md").read_text()
_BODY = re.compile(r"-d '(\{.*?\})'", re.DOTALL)
_RECORD = re.compile(r"^echo '(\{.*?\})'", re.DOTALL | re.MULTILINE)
_WORKER = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
_BROKER = "localhost:9092"


def readme_bodies() -> list[dict[str, Any]]:
    """The JSON that its calls of the HTTP API send, in their order: of the create, of the patch."""
    return [json.loads(body) for body in _BODY.findall(_TEXT)]


def readme_record() -> dict[str, Any]:
    """The command that its console producer sends, by then one line."""
    (record,) = _RECORD.findall(_TEXT)
    document: dict[str, Any] = json.loads(record.replace("\n", ""))
    return document


def readme_worker(kafka: str) -> str:
    """Its worker, at this broker."""
    (code,) = _WORKER.findall(_TEXT)
    assert _BROKER in code
    return str(code).replace(_BROKER, kafka)
