"""What a house rule is: a pure look at one file, with an example that it must find."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

LEFTOVER: Final = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


@dataclass(frozen=True, slots=True)
class File:
    """One file of the project; `path` is relative to its root, with slashes."""

    path: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """One offence. `line` 0 stands for the file as a whole."""

    line: int
    says: str


@dataclass(frozen=True, slots=True)
class Rule:
    """`check` is run on the files whose path matches `where`; every file of `bad` must give a finding, none of `good` may."""

    check: Callable[[File], Iterable[Finding]]
    where: str
    bad: tuple[File, ...]
    good: tuple[File, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.check.__module__.rpartition('.')[2]}.{self.check.__name__}"

    def findings(self, file: File) -> tuple[Finding, ...]:
        return tuple(self.check(file)) if re.search(self.where, file.path) else ()


@lru_cache(maxsize=2048)
def tree_of(text: str) -> ast.Module:
    """The tree, or an empty one: that a file does not parse is a finding of its own."""
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def comments_of(file: File) -> Iterator[tuple[int, str, bool]]:
    """Each comment: its line, its text, whether it stands alone."""
    with suppress(SyntaxError, tokenize.TokenError):
        for token in tokenize.generate_tokens(io.StringIO(file.text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string, token.line.lstrip().startswith("#")


def functions_of(file: File) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree_of(file.text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def calls_of(file: File) -> Iterator[tuple[str, ast.Call]]:
    """Each call with the dotted name of what is called; a call of something without a name is left out."""
    for node in ast.walk(tree_of(file.text)):
        if isinstance(node, ast.Call) and (name := dotted(node.func)):
            yield name, node


def dotted(node: ast.expr) -> str:
    """`a.b.c` of such an expression; what hangs on something without a name begins with a dot; else empty."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{dotted(value)}.{name}"
        case _:
            return ""
