"""Whether a command line that a document shows is one that `planner` knows."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

import typer
from typer.core import TyperGroup

from planner.cli.app import ENTRIES, build

# In fences and inline code; what follows a `#`, a pipe or another command is not its.
_SHOWN: Final = re.compile(r"(?:^|[`\s/(])planner (?P<words>[a-z][^`#|;&\n]*)", re.MULTILINE)
_CODE: Final = re.compile(r"^```(?:sh)?\n(?P<block>.*?)^```$|`(?P<inline>[^`\n]+)`", re.MULTILINE | re.DOTALL)


class UnknownCommandError(Exception):
    """There is no such command or option."""


def shown_in(text: str) -> Iterator[tuple[str, ...]]:
    """The words after each `planner` in the shell blocks and inline code of a document."""
    for code in _CODE.finditer(text):
        block = code["block"] or code["inline"] or ""
        for shown in _SHOWN.finditer(block):
            yield tuple(shown["words"].split())


def check(words: Sequence[str]) -> None:
    """Raises if `planner <words>` names a command or an option that is not there. Values of options and arguments are not judged."""
    if words[0] not in {entry.name for entry in ENTRIES}:
        raise UnknownCommandError(f"planner {words[0]}")
    command = typer.main.get_command(build(words[0]))
    waiting = [word for word in words if re.fullmatch(r"\[?-{0,2}[a-z][a-z-]*\]?", word)]
    while waiting and not waiting[0].startswith("-") and isinstance(command, TyperGroup):
        known = command.commands.get(waiting[0])
        if known is None:
            raise UnknownCommandError(f"planner {' '.join(words)}: no {waiting[0]}")
        command = known
        del waiting[0]
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    for word in waiting:
        option = word.strip("[]")
        if option.startswith("-") and option not in options:
            raise UnknownCommandError(f"planner {' '.join(words)}: no {option}")
