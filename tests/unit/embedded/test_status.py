import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from planner.embedded.process import Command
from planner.embedded.program import Program
from planner.embedded.status import Status, write_secret


async def is_ready() -> bool:
    return True


def a_program(service: str, name: str) -> Program:
    command = Command(name=name, arguments=(), log=Path("unused.log"), environment={})
    return Program(service=service, command=command, address="", answers=is_ready)


@pytest.fixture
async def pids() -> AsyncIterator[list[int]]:
    """Of two processes that live as long as the test."""
    script = "import signal; signal.pause()"
    processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", script) for _ in range(2)]
    yield [process.pid for process in processes]
    for process in processes:
        process.kill()
        await process.wait()


def kept(data: Path) -> dict[str, object]:
    read: dict[str, object] = json.loads((data / "up.json").read_text())
    return read


async def test_two_owners_are_one_service(tmp_path: Path, pids: list[int]) -> None:
    status = Status(tmp_path)
    for pid, name in zip(pids, ("owner-1", "owner-2"), strict=True):
        status.started(a_program("owner", name), pid)
    assert status.ready({"namespace": "planner"}) == {"event": "ready", "namespace": "planner", "pids": {"owner": pids}}


async def test_the_file_follows_what_ends_and_what_starts(tmp_path: Path, pids: list[int]) -> None:
    before, after = pids
    status = Status(tmp_path)
    status.started(a_program("recorder", "recorder"), before)
    status.ready({})
    assert kept(tmp_path)["pids"] == {"recorder": [before]}
    status.ended(before)
    assert kept(tmp_path)["pids"] == {}
    status.started(a_program("recorder", "recorder"), after)
    assert kept(tmp_path)["pids"] == {"recorder": [after]}


async def test_traces_are_there_before_the_stack_is_ready_and_gone_after_its_stop(tmp_path: Path, pids: list[int]) -> None:
    status = Status(tmp_path)
    status.started(a_program("kafka", "kafka"), pids[0])
    assert [trace["pid"] for trace in json.loads((tmp_path / "processes.json").read_text())] == pids[:1]
    assert not (tmp_path / "up.json").exists()
    status.ended(pids[0])
    status.stopped()
    assert not (tmp_path / "up.json").exists()
    assert not (tmp_path / "processes.json").exists()


def test_a_secret_is_for_its_owner_only_even_where_it_was_not_before(tmp_path: Path) -> None:
    path = tmp_path / "api.key"
    path.write_text("old")
    path.chmod(0o644)
    write_secret(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
