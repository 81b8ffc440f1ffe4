"""How Python is written here, where ruff and mypy have no rule of their own."""

import ast
import re
from collections.abc import Iterator
from typing import Final

from tidy.rule import LEFTOVER, File, Finding, Rule, calls_of, comments_of, dotted, tree_of

_PYTHON: Final = r"\.py$"
_PRODUCT: Final = r"^(contracts|services)/.*\.py$"
_TESTS: Final = r"^tests/.*\.py$"
_TYPE_IGNORE: Final = re.compile(r"#\s*(type|pyright):\s*ignore")
_NOQA: Final = re.compile(r"#\s*noqa(?P<rest>.*)", re.IGNORECASE)
_NOQA_WITH_REASON: Final = re.compile(r":\s*[A-Z]+\d+(\s*,\s*[A-Z]+\d+)*\s+(-\s*)?[\w(`].{3,}")
_CLIENTS: Final = frozenset({"AIOKafkaProducer", "AIOKafkaConsumer", "AIOKafkaAdminClient", "create_pool", "Redis", "from_url"})
_LOG_CALL: Final = re.compile(r"(^|\.)_?(log|logger)\.(debug|info|warning|error|exception|critical)$")
_EVENT_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_MUTABLE_CALLS: Final = frozenset(
    {
        "dict",
        "list",
        "set",
        "defaultdict",
        "deque",
        "Counter",
        "APIRouter",
        "FastAPI",
        "FastStream",
        "CollectorRegistry",
        "Gauge",
        "Histogram",
    }
)


def does_not_parse(file: File) -> Iterator[Finding]:
    try:
        ast.parse(file.text)
    except SyntaxError as error:
        yield Finding(error.lineno or 0, f"not Python 3.11: {error.msg}")


def relative_import(file: File) -> Iterator[Finding]:
    for node in ast.walk(tree_of(file.text)):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield Finding(node.lineno, "imports are absolute")


def type_ignored(file: File) -> Iterator[Finding]:
    for line, comment, _ in comments_of(file):
        if _TYPE_IGNORE.search(comment):
            yield Finding(line, "no `type: ignore` in the product: narrow the library once, in runtime")


def noqa_without_reason(file: File) -> Iterator[Finding]:
    for line, comment, _ in comments_of(file):
        if (noqa := _NOQA.search(comment)) and not _NOQA_WITH_REASON.fullmatch(noqa["rest"]):
            yield Finding(line, "a noqa names its rule and its reason")


def leftover_comment(file: File) -> Iterator[Finding]:
    for line, comment, _ in comments_of(file):
        if LEFTOVER.search(comment):
            yield Finding(line, "do it, or open an issue; a comment gives a reason")


def bare_task(file: File) -> Iterator[Finding]:
    for name, call in calls_of(file):
        if name in {"asyncio.create_task", "asyncio.ensure_future"} or name.endswith("loop.create_task"):
            yield Finding(call.lineno, "a task belongs to a TaskGroup, so that its failure is seen")


def state_of_a_module(file: File) -> Iterator[Finding]:
    for node in tree_of(file.text).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                if name == "__all__" or name.strip("_").isupper() or not _is_mutable(value):
                    continue
                yield Finding(node.lineno, f"{name}: no state at module level; app.py makes it and passes it")
            case _:
                continue


def _is_mutable(value: ast.expr) -> bool:
    match value:
        case ast.Dict() | ast.List() | ast.Set() | ast.DictComp() | ast.ListComp() | ast.SetComp():
            return True
        case ast.Call(func=function):
            return dotted(function).rpartition(".")[2] in _MUTABLE_CALLS
        case _:
            return False


def client_made_elsewhere(file: File) -> Iterator[Finding]:
    for name, call in calls_of(file):
        first, _, last = name.rpartition(".")
        if last in _CLIENTS and not (last == "from_url" and "edis" not in first):
            yield Finding(call.lineno, f"{last}: clients are made in runtime, with every option in sight")


def unnamed_log_event(file: File) -> Iterator[Finding]:
    for name, call in calls_of(file):
        if not _LOG_CALL.search(name) or not call.args:
            continue
        match call.args[0]:
            case ast.Constant(value=str(event)) if _EVENT_NAME.fullmatch(event):
                continue
            case ast.Constant() | ast.JoinedStr() | ast.BinOp():
                yield Finding(call.lineno, "a log line is one event name (`owner.takeover.finished`) and fields")
            case _:
                continue


def sleeping_test(file: File) -> Iterator[Finding]:
    for name, call in calls_of(file):
        if name in {"asyncio.sleep", "time.sleep", "sleep"} and not (
            call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value == 0
        ):
            yield Finding(call.lineno, "wait with until(...), never for a time")


def patched_module(file: File) -> Iterator[Finding]:
    for node in ast.walk(tree_of(file.text)):
        if isinstance(node, ast.ImportFrom | ast.Import):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            if any(module.split(".")[:2] == ["unittest", "mock"] for module in modules):
                yield Finding(node.lineno, "no mocks: a fake that passes its port's suite, or the real server")
    for name, call in calls_of(file):
        if name in {"monkeypatch.setattr", "monkeypatch.setitem", "mocker.patch"}:
            yield Finding(call.lineno, "our own modules are not patched; pass what differs")


def _owner(text: str) -> File:
    return File("services/planner/owner/shard.py", text)


def _test(text: str) -> File:
    return File("tests/unit/owner/test_shard.py", text)


RULES: Final = (
    Rule(does_not_parse, _PYTHON, bad=(_owner("def f[T](x: T) -> T: ..."), _owner("def")), good=(_owner(""),)),
    Rule(
        relative_import,
        _PYTHON,
        bad=(_owner("from . import keys"), _owner("from ..runtime import clock")),
        good=(_owner("import planner"),),
    ),
    Rule(
        type_ignored,
        _PRODUCT,
        bad=(_owner("x = 1  # type: ignore[attr-defined]"), _owner("x = 1  # pyright: ignore")),
        good=(_owner("text = '# type: ignore'"),),
    ),
    Rule(
        noqa_without_reason,
        _PYTHON,
        bad=(_owner("x = 1  # noqa"), _owner("x = 1  # noqa: S101"), _owner("x = 1  # noqa: S101, S102")),
        good=(_owner("x = 1  # noqa: BLE001 the outermost loop"), _owner("x = 1  # noqa: S101, S102 - asked for by the library")),
    ),
    Rule(
        leftover_comment,
        _PYTHON,
        bad=(_owner("x = 1  # TODO: more"), _owner("# FIXME\nx = 1")),
        good=(_owner("text = '# TODO'"), _owner("x = 1  # the broker does so")),
    ),
    Rule(
        bare_task,
        _PRODUCT,
        bad=(_owner("asyncio.create_task(run())"), _owner("asyncio.ensure_future(run())"), _owner("loop.create_task(run())")),
        good=(_owner("group.create_task(run())"), _owner("self._tasks.create_task(run())")),
    ),
    Rule(
        state_of_a_module,
        _PRODUCT,
        bad=(_owner("cache = {}"), _owner("seen: set[str] = set()"), _owner("router = fastapi.APIRouter()")),
        good=(_owner("TOPICS = {'a': 1}"), _owner("_KINDS: Final = {'a'}"), _owner("__all__ = ['a']"), _owner("log = get_logger('owner')")),
    ),
    Rule(
        client_made_elsewhere,
        r"^services/planner/(?!runtime/|embedded/).*\.py$",
        bad=(
            _owner("AIOKafkaProducer()"),
            _owner("aiokafka.AIOKafkaConsumer()"),
            _owner("Redis.from_url('x')"),
            _owner("asyncpg.create_pool()"),
        ),
        good=(_owner("redis_client(settings.redis)"), _owner("Schedule.from_url('x')")),
    ),
    Rule(
        unnamed_log_event,
        _PRODUCT,
        bad=(_owner("log.info('Takeover finished')"), _owner("self._log.warning(f'owner.{x}')"), _owner("logger.error('lost %s' % x)")),
        good=(_owner("log.info('owner.takeover.finished', partition=1)"), _owner("math.log(2)"), _owner("log.info(name)")),
    ),
    Rule(
        sleeping_test,
        r"^tests/(?!support/until\.py).*\.py$",
        bad=(_test("asyncio.sleep(1)"), _test("time.sleep(x)")),
        good=(_test("asyncio.sleep(0)"), _test("clock.sleep(3)")),
    ),
    Rule(
        patched_module,
        _TESTS,
        bad=(_test("from unittest.mock import Mock"), _test("import unittest.mock"), _test("monkeypatch.setattr(shard, 'x', 1)")),
        good=(_test("monkeypatch.setenv('PLANNER_KAFKA', 'x')"),),
    ),
)
