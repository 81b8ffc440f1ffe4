import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from planner.domain.definition import define
from planner_contracts.envelope import decode
from planner_contracts.plan_command import CreatePlan
from tidy.commands import UnknownCommandError, check, shown_in
from tidy.project import ROOT, file, files
from tidy.rule import File
from tidy.texts import broken_link

DOCUMENTS: Final = [file for file in files() if file.path.endswith(".md")]
README: Final = file("README.md").text
COMPOSE: Final[dict[str, Any]] = yaml.safe_load(file("docker-compose.yml").text)
_SHOWN: Final = [(document.path, words) for document in DOCUMENTS for words in shown_in(document.text)]
_COMPOSED: Final = [
    ("docker-compose.yml", tuple(service["command"])) for service in COMPOSE["services"].values() if service["image"] == "planner:local"
]
_TARGET: Final = re.compile(r"(?:^|`|= )make ((?:[a-z-]+ ?)+)", re.MULTILINE)
_SETTING: Final = re.compile(r"\bPLANNER_[A-Z_]*[A-Z]\b")
_PYTHON: Final = re.compile(r"^```python\n(?P<source>.*?)^```$", re.MULTILINE | re.DOTALL)


def _reference(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "deploy/reference.py", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.path)
def test_the_links_of_a_document_lead_somewhere(document: File) -> None:
    texts = {known.path: known.text for known in files()}

    assert not list(broken_link(document, exists=lambda path: (ROOT / path).exists(), text_of=lambda path: texts.get(path, "")))


@pytest.mark.parametrize("text", ["[a](gone.md)", "[a](b.md#no-such-part)", "[a](#no-such-part)"])
def test_a_link_that_leads_nowhere_is_found(text: str) -> None:
    texts = {"docs/a.md": text, "docs/b.md": "# Some part"}

    assert list(broken_link(File("docs/a.md", text), exists=texts.__contains__, text_of=texts.__getitem__))


@pytest.mark.parametrize("text", ["[a](b.md#some-part)", "[a](https://example.org/x.md)", "`[a]`"])
def test_a_link_that_leads_somewhere_is_left_alone(text: str) -> None:
    texts = {"docs/a.md": text, "docs/b.md": "# Some part"}

    assert not list(broken_link(File("docs/a.md", text), exists=texts.__contains__, text_of=texts.__getitem__))


def test_the_reference_is_what_the_code_says() -> None:
    result = _reference("--check")

    assert result.returncode == 0, result.stderr


def test_a_reference_that_is_behind_is_found(tmp_path: Path) -> None:
    _reference("--into", str(tmp_path))
    page = tmp_path / "docs/reference/topics.md"
    page.write_text(page.read_text(encoding="utf-8").replace("30 days", "3 days"), encoding="utf-8")

    result = _reference("--check", "--into", str(tmp_path))

    assert (result.returncode, "topics.md" in result.stderr) == (1, True)


@pytest.mark.parametrize(("path", "words"), _SHOWN + _COMPOSED, ids=lambda given: given if isinstance(given, str) else " ".join(given))
def test_a_command_that_is_shown_exists(path: str, words: tuple[str, ...]) -> None:
    assert path
    check(words)


@pytest.mark.parametrize("words", [("launch",), ("topics", "destroy"), ("topics", "apply", "--actoin", "a")])
def test_a_command_that_does_not_exist_is_found(words: tuple[str, ...]) -> None:
    with pytest.raises(UnknownCommandError):
        check(words)


def test_commands_are_seen_in_blocks_and_in_lines() -> None:
    text = "Run `planner up`.\n\n```sh\n.venv/bin/planner db migrate # once\ndocker run planner owner\n```\n\n```json\nplanner none\n```\n"

    assert list(shown_in(text)) == [("up",), ("db", "migrate"), ("owner",)]


def test_every_make_target_that_is_shown_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", file("Makefile").text, re.MULTILINE))
    shown = {target for document in DOCUMENTS for names in _TARGET.findall(document.text) for target in names.split()}

    assert {"demo", "test", "check", "install"} <= shown & targets
    assert not {target for target in shown if f"make {target}" in "\n".join(known.text for known in DOCUMENTS)} - targets


def test_every_setting_that_is_named_exists() -> None:
    known = set(_SETTING.findall(file("docs/reference/settings.md").text)) | {"PLANNER_SETTINGS_FILE"}
    # The compose file's own variable, which its database takes too.
    named = {name for document in (*DOCUMENTS, file("docker-compose.yml")) for name in _SETTING.findall(document.text)}

    assert named - known - {"PLANNER_POSTGRES_PASSWORD"} == set()


def test_the_definitions_of_the_readme_are_accepted() -> None:
    given = [json.loads(body) for body in re.findall(r"-d '(\{.*?\})'", README, re.DOTALL)]
    plan, patch = given

    define(plan, now=None)
    define(plan | patch, now=None)


def test_the_record_of_the_readme_is_a_command() -> None:
    record = re.search(r"echo '(\{.*?\})' \\\n", README, re.DOTALL)

    assert record is not None
    envelope = decode(record[1].replace("\n", "").encode(), [])
    command = CreatePlan.model_validate(envelope.data)
    define(command.plan.model_dump(mode="json", exclude_unset=True), now=None)


@pytest.mark.parametrize(
    ("path", "source"),
    [(document.path, fence["source"]) for document in DOCUMENTS for fence in _PYTHON.finditer(document.text)],
    ids=lambda given: given if given.endswith(".md") else "",
)
def test_the_python_of_a_document_runs(path: str, source: str) -> None:
    tree = ast.parse(source)
    # All but the last line, which would serve for ever.
    tree.body = [node for node in tree.body if not isinstance(node, ast.If) and "asyncio.run" not in ast.unparse(node)]

    exec(compile(tree, path, "exec"), {"__name__": "shown"})  # noqa: S102 the documents are ours
