"""Where things live and what they are called."""

import ast
import re
from collections.abc import Iterator
from typing import Final

from tidy.rule import File, Finding, Rule, tree_of

_WORDS_THAT_NAME_NOTHING: Final = frozenset(
    {"util", "utils", "common", "helper", "helpers", "core", "model", "models", "base", "manager", "managers", "misc", "shared", "stuff"}
)
_DEFINITION_WORDS: Final = _WORDS_THAT_NAME_NOTHING - {"base", "core", "model", "models", "shared"} | {"processor", "info", "handle"}
_VERSION: Final = re.compile(r"v\d+|new|old|two|inner")
_TOP_LEVEL: Final = frozenset(
    {"README.md", "LICENSE", "Makefile", "docker-compose.yml", "pyproject.toml", "contracts", "deploy", "docs", "requirements", "services"}
    | {"tests"}
)
_TESTS: Final = frozenset(
    {"unit", "property", "contract", "conformance", "integration", "simulation", "e2e", "bench", "tidy", "support", "conftest.py"}
)
_PUBLIC_NAMES: Final = re.compile(r"^services/planner/(worker|client)/__init__\.py$")


def word_that_names_nothing(file: File) -> Iterator[Finding]:
    for part in file.path.split("/"):
        words = part.partition(".")[0].lower().split("_")
        if bad := _WORDS_THAT_NAME_NOTHING.intersection(words):
            yield Finding(0, f"{part}: {', '.join(sorted(bad))} says nothing about what is inside")
        elif len(words) > 1 and _VERSION.fullmatch(words[-1]):
            yield Finding(0, f"{part}: {words[-1]} is no name; say what differs")


def definition_that_names_nothing(file: File) -> Iterator[Finding]:
    for node in ast.walk(tree_of(file.text)):
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) or node.name.startswith("test_"):
            continue
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", node.name).lower().split("_")
        if bad := _DEFINITION_WORDS.intersection(words):
            yield Finding(node.lineno, f"{node.name}: {', '.join(sorted(bad))} is not in the glossary")


def not_in_the_layout(file: File) -> Iterator[Finding]:
    first, _, rest = file.path.partition("/")
    if not first.startswith(".") and first not in _TOP_LEVEL:
        yield Finding(0, f"{first} has no place at the top level")
    if first == "tests" and rest.partition("/")[0] not in _TESTS:
        yield Finding(0, f"tests/{rest.partition('/')[0]} is no tier of tests")


def init_with_content(file: File) -> Iterator[Finding]:
    if file.text.strip() and not _PUBLIC_NAMES.search(file.path):
        yield Finding(1, "an __init__.py is empty, but for the public names of worker and client")


def test_that_is_no_sentence(file: File) -> Iterator[Finding]:
    for node in ast.walk(tree_of(file.text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_") and node.name.count("_") < 3:
            yield Finding(node.lineno, f"{node.name}: the name of a test is a sentence that says what holds")


RULES: Final = (
    Rule(
        word_that_names_nothing,
        "",
        bad=(
            File("services/planner/owner/utils.py"),
            File("tests/common/until.py"),
            File("services/planner/owner/lua_helpers.py"),
            File("services/planner/owner/base.py"),
            File("services/planner/owner/shard_v2.py"),
        ),
        good=(File("services/planner/owner/redis_timers.py"), File("services/planner/gateway/database.py")),
    ),
    Rule(
        definition_that_names_nothing,
        r"\.py$",
        bad=(
            File("a.py", "class ShardManager: ..."),
            File("a.py", "def handle_command() -> None: ..."),
            File("a.py", "async def helper() -> None: ..."),
        ),
        good=(
            File("a.py", "def test_a_record_that_nobody_can_handle_is_kept() -> None: ..."),
            File("a.py", "class Information: ..."),
        ),
    ),
    Rule(
        not_in_the_layout,
        "",
        bad=(File("scripts/run.sh"), File("notes.md"), File("tests/smoke/test_it.py")),
        good=(File(".ci/run"), File("README.md"), File("tests/unit/owner/test_shard.py"), File("tests/conftest.py")),
    ),
    Rule(
        init_with_content,
        r"(^|/)__init__\.py$",
        bad=(File("services/planner/owner/__init__.py", "from planner.owner.shard import Shard\n"),),
        good=(File("services/planner/worker/__init__.py", "from planner.worker.run import Run\n"), File("tests/support/__init__.py", "")),
    ),
    Rule(
        test_that_is_no_sentence,
        r"^tests/.*test_[^/]*\.py$",
        bad=(File("tests/unit/test_cron.py", "def test_cron() -> None: ..."),),
        good=(File("tests/unit/test_cron.py", "def test_a_step_of_zero_is_refused() -> None: ..."),),
    ),
)
