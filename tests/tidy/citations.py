"""What a comment cites exists: a document, and the section of it."""

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Final

from tidy.rule import File, Finding

_FOLDERS: Final = ("docs", "docs/reference", "services/planner", "")
_CITED: Final = re.compile(
    r"(?<![\w./<*-])(?P<path>(?:[\w.-]+/)*[A-Za-z][\w-]*\.md)\b"
    r"(?:,? (?:section |§)(?P<number>\d+(?:\.\d+)?)|,? (?P<rule>R\d+)\b|, [\"“](?P<title>[^\"”]+)[\"”])?"
)


def unknown_citation(file: File, documents: Mapping[str, str]) -> Iterator[Finding]:
    """`documents`: path -> text of each. A bare name is looked for beside the file, then in the folders of documents."""
    for number, line in enumerate(file.text.splitlines(), start=1):
        for cited in _CITED.finditer(line):
            places = (posixpath.join(folder, cited["path"]) for folder in (posixpath.dirname(file.path), *_FOLDERS))
            text = next((documents[place] for place in map(posixpath.normpath, places) if place in documents), None)
            if text is None:
                yield Finding(number, f"there is no {cited['path']}")
            elif not _holds(text, cited):
                yield Finding(number, f"{cited[0]}: there is no such part")


def _holds(text: str, cited: re.Match[str]) -> bool:
    if cited["number"]:
        return re.search(rf"^#+ {re.escape(cited['number'])}\.? ", text, re.MULTILINE) is not None
    if cited["rule"]:
        return re.search(rf"\*\*{cited['rule']}\b", text) is not None
    if cited["title"]:
        return re.search(rf"^#+ .*{re.escape(cited['title'])}|\*\*{re.escape(cited['title'])}", text, re.MULTILINE) is not None
    return True
