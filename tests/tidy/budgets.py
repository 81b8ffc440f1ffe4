"""Sizes, parameters and types of Python files, against the budgets of docs/CONTRIBUTING.md."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from tidy.rule import File, Finding, Rule, comments_of, functions_of

FILE_LINES_MAX: Final = 500
FUNCTION_LINES_MAX: Final = 70
PARAMETERS_MAX: Final = 6
_PYTHON: Final = r"\.py$"
_PRODUCT: Final = ("contracts/", "services/")


@dataclass(frozen=True, slots=True)
class Figures:
    """What is printed at each run and gates nothing."""

    files: int
    lines: int
    file_median: float
    file_p90: int
    functions: int
    function_median: float
    function_p90: int
    comment_share: float

    def __str__(self) -> str:
        return (
            f"files {self.files} lines {self.lines} | file median {self.file_median:.0f} p90 {self.file_p90} | functions {self.functions} "
            f"median {self.function_median:.0f} p90 {self.function_p90} | comments {100 * self.comment_share:.1f} %"
        )


def file_too_long(file: File) -> Iterator[Finding]:
    lines = len(file.text.splitlines())
    if lines > FILE_LINES_MAX:
        yield Finding(0, f"{lines} lines, at most {FILE_LINES_MAX}: split it by what it does")


def function_too_long(file: File) -> Iterator[Finding]:
    for function in functions_of(file):
        lines = _lines(function)
        if lines > FUNCTION_LINES_MAX:
            yield Finding(function.lineno, f"{function.name}: {lines} lines, at most {FUNCTION_LINES_MAX}")


def too_many_parameters(file: File) -> Iterator[Finding]:
    for function in functions_of(file):
        count = len(_parameters(function))
        if count > PARAMETERS_MAX:
            yield Finding(function.lineno, f"{function.name}: {count} parameters, at most {PARAMETERS_MAX}: some of them belong together")


def not_annotated(file: File) -> Iterator[Finding]:
    for function in functions_of(file):
        bare = [parameter.arg for parameter in _parameters(function, stars=True) if parameter.annotation is None]
        if function.returns is None:
            bare.append("return")
        if bare:
            yield Finding(function.lineno, f"{function.name}: no type for {', '.join(bare)}")


def figures(files: Sequence[File]) -> Figures:
    """Over the files that are not empty."""
    written = [file for file in files if file.text.strip()]
    file_lines = [len(file.text.splitlines()) for file in written] or [0]
    function_lines = [_lines(function) for file in written for function in functions_of(file)] or [0]
    comments = sum(_comment_lines(file) for file in written)
    return Figures(
        files=len(written),
        lines=sum(file_lines),
        file_median=median(file_lines),
        file_p90=percentile(file_lines, 90),
        functions=len(function_lines),
        function_median=median(function_lines),
        function_p90=percentile(function_lines, 90),
        comment_share=comments / max(1, sum(file_lines)),
    )


def is_product(file: File) -> bool:
    return file.path.startswith(_PRODUCT)


def percentile(values: Sequence[int], percent: int) -> int:
    ordered = sorted(values)
    return ordered[round(percent / 100 * (len(ordered) - 1))]


def _lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (function.end_lineno or function.lineno) - function.lineno + 1


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef, *, stars: bool = False) -> list[ast.arg]:
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    if stars:
        named += [star for star in (given.vararg, given.kwarg) if star is not None]
    return [parameter for parameter in named if parameter.arg not in {"self", "cls"}]


def _comment_lines(file: File) -> int:
    return sum(alone for _, _, alone in comments_of(file))


def _python(text: str) -> File:
    return File("services/planner/owner/shard.py", text)


def _function_of(lines: int) -> str:
    return "def tick() -> None:\n" + "    pass\n" * (lines - 1)


def _function_with(parameters: int) -> str:
    return f"def tick({', '.join(f'p{n}: int' for n in range(parameters))}) -> None: ..."


RULES: Final = (
    Rule(file_too_long, _PYTHON, bad=(_python("x = 1\n" * (FILE_LINES_MAX + 1)),), good=(_python("x = 1\n" * FILE_LINES_MAX), _python(""))),
    Rule(
        function_too_long,
        _PYTHON,
        bad=(
            _python(_function_of(FUNCTION_LINES_MAX + 1)),
            _python("class Shard:\n" + "\n".join(f"    {line}" for line in _function_of(FUNCTION_LINES_MAX + 1).splitlines())),
        ),
        good=(_python(_function_of(FUNCTION_LINES_MAX)),),
    ),
    Rule(
        too_many_parameters,
        _PYTHON,
        bad=(_python(_function_with(PARAMETERS_MAX + 1)), _python("async " + _function_with(PARAMETERS_MAX + 1))),
        good=(
            _python(_function_with(PARAMETERS_MAX)),
            _python("class S:\n    def f(self, a: int, b: int, c: int, d: int, e: int, f: int) -> None: ..."),
        ),
    ),
    Rule(
        not_annotated,
        _PYTHON,
        bad=(_python("def f(a) -> None: ..."), _python("def f(a: int): ..."), _python("def f(*a, **b: int) -> None: ...")),
        good=(_python("class S:\n    def f(self, *a: int) -> None: ..."),),
    ),
)
