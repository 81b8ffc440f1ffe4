import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from planner.embedded.leftovers import Trace, clear, held, trace, write_traces
from planner.runtime.failures import StartupRefusedError


@pytest.fixture
def orphan() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as process:
        yield process
        process.kill()


def traced(process: subprocess.Popen[bytes]) -> Trace:
    found = trace("kafka", process.pid)
    assert found is not None
    return found


def test_an_orderly_stop_leaves_nothing_to_find(tmp_path: Path) -> None:
    assert clear(tmp_path) == []


def test_a_process_that_outlived_its_run_is_ended_and_named(tmp_path: Path, orphan: subprocess.Popen[bytes]) -> None:
    write_traces(tmp_path, [traced(orphan)])
    found = clear(tmp_path)
    assert found[-1] == f"kafka of the earlier run was still there (pid {orphan.pid}): ended"
    assert not psutil.pid_exists(orphan.pid)


def test_another_process_with_the_same_number_is_left_alone(tmp_path: Path, orphan: subprocess.Popen[bytes]) -> None:
    older = traced(orphan)
    write_traces(tmp_path, [replace(older, created=older.created - 3600)])
    assert len(clear(tmp_path)) == 1
    assert orphan.poll() is None


def test_what_was_found_is_found_once(tmp_path: Path) -> None:
    write_traces(tmp_path, [Trace(name="valkey", pid=2**22 + 1, created=0.0)])
    (tmp_path / "up.json").write_text("{}")
    assert clear(tmp_path) == ["the earlier run did not stop in order: its servers recover from their logs"]
    assert clear(tmp_path) == []
    assert not (tmp_path / "up.json").exists()


def test_unreadable_traces_are_said_and_removed(tmp_path: Path) -> None:
    (tmp_path / "processes.json").write_text('[{"pid"')
    assert "unreadable" in clear(tmp_path)[0]
    assert clear(tmp_path) == []


def test_a_data_folder_serves_one_stack_at_a_time(tmp_path: Path) -> None:
    with held(tmp_path), pytest.raises(StartupRefusedError, match=f"in use by `planner up` with pid {os.getpid()}"), held(tmp_path):
        pass
    with held(tmp_path):
        pass


async def test_a_process_that_is_gone_has_no_trace() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await process.wait()
    assert trace("kafka", process.pid) is None
