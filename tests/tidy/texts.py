"""Rules for what is no Python: scripts, statements, documents, locks; and for what no file of the project may name."""

import posixpath
import re
from collections.abc import Callable, Iterator
from typing import Final

from tidy.rule import LEFTOVER, File, Finding, Rule

_NOT_PYTHON: Final = r"(?<!\.py)$"
# This file holds the examples.
_EVERYWHERE_ELSE: Final = r"^(?!tests/tidy/texts\.py$)"
_MACHINE_PATH: Final = re.compile(r"(?<![\w.$}/~-])/(?:work|home|root|Users|mnt|private)/\w|(?<![\w$}/])/tmp/\w")
_INDEX: Final = re.compile(
    r"--(?:extra-)?index-url|--find-links|--trusted-host|\bPIP_INDEX_URL\b|\bUV_(?:DEFAULT_)?INDEX\b|<mirrors?>", re.IGNORECASE
)
_HEADER_PARTS: Final[dict[str, re.Pattern[str]]] = {
    "what it does": re.compile(r"\A\s*\w+(\W+\w+){3,}"),
    "KEYS": re.compile(r"\bKEYS\b"),
    "ARGV": re.compile(r"\bARGV\b"),
    "what it returns": re.compile(r"\breturns?\b", re.IGNORECASE),
    "why it is atomic": re.compile(r"\batomic", re.IGNORECASE),
    "its cost bound": re.compile(r"\bcosts?\b", re.IGNORECASE),
}
_QUERY_NAME: Final = re.compile(r"^--\s*name:\s*(?P<name>\S*)\s*$")
_SENTENCE: Final = re.compile(r"--\s*[A-Z`].*\S.*")
_LINK: Final = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+\s+(?P<title>.*?)\s*$", re.MULTILINE)


def leftover_text(file: File) -> Iterator[Finding]:
    for number, line in enumerate(file.text.splitlines(), start=1):
        if LEFTOVER.search(line):
            yield Finding(number, "do it, or open an issue")


def path_of_one_machine(file: File) -> Iterator[Finding]:
    for number, line in enumerate(file.text.splitlines(), start=1):
        if found := _MACHINE_PATH.search(line):
            yield Finding(number, f"{found[0]}… exists on one machine only")


def package_index(file: File) -> Iterator[Finding]:
    for number, line in enumerate(file.text.splitlines(), start=1):
        if _INDEX.search(line):
            yield Finding(number, "where packages come from is the installer's configuration, not the project's")


def host_in_a_lock(file: File) -> Iterator[Finding]:
    for number, line in enumerate(file.text.splitlines(), start=1):
        if "://" in line or " @ " in line:
            yield Finding(number, "a lock names packages and hashes, no host")


def script_without_header(file: File) -> Iterator[Finding]:
    header: list[str] = []
    for line in file.text.splitlines():
        if not line.startswith("--"):
            break
        header.append(line.lstrip("-").strip())
    text = "\n".join(header)
    missing = [part for part, pattern in _HEADER_PARTS.items() if not pattern.search(text)]
    if missing:
        yield Finding(1, f"the header of a script says {', '.join(missing)}")


def query_without_sentence(file: File) -> Iterator[Finding]:
    lines = file.text.splitlines()
    seen: set[str] = set()
    for number, line in enumerate(lines, start=1):
        if not (named := _QUERY_NAME.match(line)):
            continue
        if not re.fullmatch(r"[a-z][a-z0-9_]*", named["name"]) or named["name"] in seen:
            yield Finding(number, f"{named['name']}: a query has a name of its own, in snake_case")
        seen.add(named["name"])
        comment = []
        for following in lines[number:]:
            if not following.startswith("--"):
                break
            comment.append(following.strip())
        if not comment or not _SENTENCE.fullmatch(comment[0]) or not comment[-1].endswith("."):
            yield Finding(number, f"{named['name']}: a sentence says what it answers or changes")


def statement_without_name(file: File) -> Iterator[Finding]:
    if file.text.strip() and not any(_QUERY_NAME.match(line) for line in file.text.splitlines()):
        yield Finding(1, "queries are named: `-- name: insert_run`")


def slugs(text: str) -> set[str]:
    """The anchors which a renderer gives to the headings of a document."""
    return {re.sub(r"[^\w\- ]", "", heading["title"].lower()).replace(" ", "-") for heading in _HEADING.finditer(text)}


def broken_link(document: File, *, exists: Callable[[str], bool], text_of: Callable[[str], str]) -> Iterator[Finding]:
    """Links inside the project only: nothing is fetched."""
    for number, line in enumerate(document.text.splitlines(), start=1):
        for link in _LINK.finditer(line):
            target, _, anchor = link["target"].partition("#")
            if "://" in target or target.startswith("mailto:"):
                continue
            path = posixpath.normpath(posixpath.join(posixpath.dirname(document.path), target)) if target else document.path
            if not exists(path):
                yield Finding(number, f"{target} does not exist")
            elif anchor and path.endswith(".md") and anchor not in slugs(text_of(path)):
                yield Finding(number, f"{link['target']}: no such heading")


_LUA: Final = """\
-- Reads the timers that are due, tenants in turn.
-- KEYS: 1 position.
-- ARGV: 1 now, microseconds.
-- Returns the position and the timers.
-- Atomic: what it reads belongs to one position.
-- Cost: at most 500 timers.
return 1
"""

RULES: Final = (
    Rule(
        leftover_text,
        _NOT_PYTHON,
        bad=(File("a.lua", "-- TODO: bound it"), File("docs/a.md", "FIXME")),
        good=(File("a.md", "done"), File("a.md", "XXXL")),
    ),
    Rule(
        path_of_one_machine,
        _EVERYWHERE_ELSE,
        bad=(File("a.md", "see /work/main"), File("a.py", "DATA = '/home/me/data'"), File("a.sh", "cat /tmp/notes")),
        good=(File("a.md", "`$HOME/work/data`"), File("a.md", "a/home/b"), File("a.yml", "/var/lib/kafka"), File("a.md", "/workers/x")),
    ),
    Rule(
        package_index,
        _EVERYWHERE_ELSE,
        bad=(File("requirements/a.txt", "--index-url x"), File("Makefile", "pip install --find-links x")),
        good=(File("a.txt", "aiokafka==0.14.0"),),
    ),
    Rule(
        host_in_a_lock,
        r"^requirements/.*\.txt$",
        bad=(File("requirements/a.txt", "a==1 # from https://example.org"), File("requirements/a.txt", "a @ file.whl")),
        good=(File("requirements/a.txt", "a==1 \\\n    --hash=sha256:0"),),
    ),
    Rule(
        script_without_header,
        r"\.lua$",
        bad=(
            File("a.lua", "return 1"),
            *(File("a.lua", "\n".join(line for n, line in enumerate(_LUA.splitlines()) if n != left_out)) for left_out in range(1, 6)),
        ),
        good=(File("a.lua", _LUA),),
    ),
    Rule(
        query_without_sentence,
        r"/sql/.*\.sql$",
        bad=(
            File("services/planner/recorder/sql/queries.sql", "-- name: find_run\nSELECT 1;"),
            File("services/planner/recorder/sql/queries.sql", "-- name: FindRun\n-- The run.\nSELECT 1;"),
            File("services/planner/recorder/sql/queries.sql", "-- name: a\n-- One.\nSELECT 1;\n-- name: a\n-- One.\nSELECT 1;"),
            File("services/planner/recorder/sql/queries.sql", "-- name: find_run\n-- no sentence\nSELECT 1;"),
        ),
        good=(File("services/planner/recorder/sql/queries.sql", "-- name: find_run\n-- The run with this id,\n-- if any.\nSELECT 1;"),),
    ),
    Rule(
        statement_without_name,
        r"/sql/queries\.sql$",
        bad=(File("services/planner/recorder/sql/queries.sql", "SELECT 1;"),),
        good=(File("services/planner/recorder/sql/queries.sql", "-- name: one\nSELECT 1;"),),
    ),
)
