"""Write docs/reference and the JSON Schemas from the code: `make docs`. With `--check` write nothing and fail if a file is behind."""

import argparse
import importlib
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry
from pydantic.fields import FieldInfo

from planner.cli.app import ENTRIES
from planner.cli.config import READERS, settings_class
from planner.runtime.settings import variable
from planner_contracts.documents import DOCUMENTS, schemas
from planner_contracts.errors import CATALOGUE
from planner_contracts.topics import TOPICS, TopicDeclaration

ROOT: Final = Path(__file__).resolve().parents[1]
SOURCE: Final = ROOT / "services" / "planner"
SCHEMAS: Final = "contracts/planner_contracts/schemas"
_SCHEMAS_LINK: Final = f"../../{SCHEMAS}"
_MADE: Final = "<!-- Written by `make docs` from the code. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def page(title: str, introduction: str, body: str) -> str:
    return f"{_MADE}\n\n# {title}\n\n{introduction}\n\n{body}\n"


def topics() -> str:
    rows = (
        (
            f"`<namespace>.{topic.role}{'.<action>' if topic.per_action else ''}`",
            topic.key,
            "N" if topic.partitions is None else str(topic.partitions),
            ", ".join(topic.writers),
            ", ".join(topic.readers),
            _retention(topic),
            topic.why,
        )
        for topic in TOPICS.values()
    )
    settings = (
        (f"`{topic.role}`", ", ".join(f"`{name}={value}`" for name, value in sorted(topic.config.items()))) for topic in TOPICS.values()
    )
    return page(
        "Topics",
        "Made and verified by `planner topics apply`; N is fixed when the namespace is made. "
        "Read what an owner writes with `isolation.level=read_committed`.",
        table(("topic", "key", "partitions", "writes", "reads", "kept", "what it holds"), rows)
        + "\n\nWhat the broker must show for each:\n\n"
        + table(("topic", "configuration"), settings),
    )


def _retention(topic: TopicDeclaration) -> str:
    if topic.config["cleanup.policy"] == "compact":
        return "latest per key"
    milliseconds = int(topic.config["retention.ms"])
    return "for ever" if milliseconds < 0 else f"{milliseconds // 86_400_000} days"


def errors() -> str:
    rows = (
        (f"`{code}`", str(entry.status), entry.title, entry.meaning)
        for code, entry in sorted(CATALOGUE.items(), key=lambda known: known[1].status)
    )
    return page(
        "Error codes",
        "Stable for ever. Those that say “A field of the request is not valid” stand in `errors[]` of a `VALIDATION_FAILED`, "
        "with pointer and detail. Some are declared for what comes later, and not given yet: `REVISION_NOT_FOUND`, "
        "`BACKFILL_TOO_LARGE`, `WEBHOOK_NOT_FOUND` and `RATE_LIMITED`. `SCHEDULE_TOO_SPARSE` is never given by this version.",
        table(("code", "status", "title", "meaning"), rows),
    )


def commands() -> str:
    rows = ((f"`planner {entry.name}`", entry.summary, "" if entry.extra is None else f"`{entry.extra}`") for entry in ENTRIES)
    return page("Commands", "`planner <command> --help` lists the options.", table(("command", "does", "extra"), rows))


def settings() -> str:
    read = {
        name: {variable((field,)): info for field, info in settings_class(reader).model_fields.items()} for name, reader in READERS.items()
    }
    rows = []
    for name in sorted({name for fields in read.values() for name in fields}):
        fields = {reader: found[name] for reader, found in read.items() if name in found}
        rows.append((f"`{name}`", _defaults(fields), ", ".join(fields), _one_line(next(iter(fields.values())).description)))
    return page(
        "Settings",
        "From the environment, or from a dotenv file named by `PLANNER_SETTINGS_FILE`. `planner config` shows those in force. "
        "A process refuses to start (exit code 78) on a value it cannot use, and names the variable. A worker serves no health: the kit "
        "brings no web server.",
        table(("variable", "default", "read by", "meaning"), rows),
    )


def _defaults(fields: dict[str, FieldInfo]) -> str:
    """The default, and of a reader that has another one that too."""
    first, *others = ((reader, _default(field)) for reader, field in fields.items())
    return ", ".join([first[1], *(f"{reader}: {default}" for reader, default in others if default != first[1])])


def _one_line(text: str | None) -> str:
    return " ".join((text or "").split())


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.get_default(call_default_factory=True)
    secret = getattr(default, "get_secret_value", None)
    shown = default if secret is None else secret()
    return "none" if shown is None else f"`{shown}`" if str(shown) else "empty"


def metrics() -> str:
    rows = []
    for process in READERS:
        if not (SOURCE / process / "metrics.py").exists():
            continue
        registry = CollectorRegistry()
        # The class registers what it counts when it is made; the registry then knows all of it.
        getattr(importlib.import_module(f"planner.{process}.metrics"), f"{process.capitalize()}Metrics")(registry)
        for metric in registry.collect():
            suffix = "_total" if metric.type == "counter" else ""
            rows.append((f"`{metric.name}{suffix}`", metric.type, process, _one_line(metric.documentation)))
    return page(
        "Metrics",
        "At `/metrics` of gateway, owner and recorder, in the Prometheus text format; beside these the client library's own of process and "
        "interpreter. A worker serves none: the kit brings no web server.",
        table(("metric", "type", "process", "counts"), sorted(rows)),
    )


def messages() -> str:
    rows = (
        (
            f"[{name}]({_SCHEMAS_LINK}/{name}.json)",
            "" if document.topic is None else f"`{document.topic}`",
            ", ".join(f"`{kind}`" for kind in document.types),
            _one_line(document.model.__doc__),
        )
        for name, document in DOCUMENTS.items()
    )
    return page(
        "Messages and resources",
        f"Records are CloudEvents: [record]({_SCHEMAS_LINK}/record.json). `type` says which of these documents is their `data`; those "
        "without a topic are the HTTP API's. Each name leads to the JSON Schema; valid and invalid examples stand in "
        "[examples](../../contracts/planner_contracts/examples). Those of features that come later are declared already: what this version "
        "refuses stands in [the contract](../api.md#1-the-plan).",
        table(("document", "topic", "types", "meaning"), rows),
    )


def files() -> dict[str, str]:
    """Path -> text of everything that is written from the code."""
    pages = {"topics": topics, "messages": messages, "errors": errors, "commands": commands, "settings": settings, "metrics": metrics}
    return {f"docs/reference/{name}.md": write() for name, write in pages.items()} | {
        f"{SCHEMAS}/{name}.json": json.dumps(schema, indent=2) + "\n" for name, schema in schemas().items()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is behind")
    parser.add_argument("--into", type=Path, default=ROOT, help="the project's folder")
    given = parser.parse_args()
    behind = []
    for name, text in files().items():
        path = given.into / name
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        behind.append(name)
        if not given.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if given.check and behind:
        sys.stderr.write(f"behind the code, run `make docs`: {', '.join(behind)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
