"""Temporary folders of killed processes. Each test has a folder of its own for temporary ones."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest

from planner.embedded.abandoned import MARKER, marked, remove_abandoned
from planner.embedded.leftovers import trace, write_traces
from planner.embedded.postgres_home import postgres_folder
from planner.runtime.settings import environment

MAKER = """
import signal
from planner.embedded.folders import temporary_folder
with temporary_folder() as folder:
    print(folder, flush=True)
    signal.pause()
"""


@contextmanager
def maker(within: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A process that has made a temporary folder, and the folder; killed at the end."""
    env = environment() | {"TMPDIR": str(within)}
    with subprocess.Popen([sys.executable, "-c", MAKER], stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


@pytest.fixture
def abandoned(tmp_path: Path) -> Path:
    with maker(tmp_path) as (_, folder):
        pass
    assert folder.parent == tmp_path
    return folder


def test_the_folder_of_a_killed_maker_is_removed_and_named(tmp_path: Path, abandoned: Path) -> None:
    """Each `kill -9` of `planner up --ephemeral` left hundreds of megabytes in /tmp, for good."""
    elsewhere = postgres_folder(abandoned)
    (elsewhere / "base").mkdir(parents=True)
    assert remove_abandoned(tmp_path) == [f"{abandoned}, of a stack that was killed: removed"]
    assert not abandoned.exists()
    assert not elsewhere.exists()
    assert remove_abandoned(tmp_path) == []


def test_what_the_killed_maker_had_started_is_ended_first(tmp_path: Path, abandoned: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as orphan:
        try:
            traced = trace("kafka", orphan.pid)
            assert traced is not None
            write_traces(abandoned, [traced])
            assert remove_abandoned(tmp_path) == [
                f"kafka of the earlier run was still there (pid {orphan.pid}): ended",
                f"{abandoned}, of a stack that was killed: removed",
            ]
            assert not psutil.pid_exists(orphan.pid)
        finally:
            orphan.kill()


def test_the_folder_of_a_living_maker_stays(tmp_path: Path) -> None:
    with maker(tmp_path) as (_, folder):
        assert remove_abandoned(tmp_path) == []
        assert folder.exists()


def test_a_folder_stays_while_its_marker_is_locked_though_its_maker_has_no_number_here(tmp_path: Path, abandoned: Path) -> None:
    told = (abandoned / MARKER).read_text()
    (abandoned / MARKER).unlink()
    with marked(abandoned):
        (abandoned / MARKER).write_text(told)
        assert remove_abandoned(tmp_path) == []
    assert abandoned.exists()


def test_a_folder_stays_while_its_maker_lives_though_its_marker_is_not_locked(tmp_path: Path, abandoned: Path) -> None:
    this = trace("maker", os.getpid())
    assert this is not None
    (abandoned / MARKER).write_text(json.dumps(asdict(this)))
    assert remove_abandoned(tmp_path) == []
    assert abandoned.exists()


def test_a_number_that_another_process_has_got_since_does_not_keep_a_folder(tmp_path: Path, abandoned: Path) -> None:
    this = trace("maker", os.getpid())
    assert this is not None
    (abandoned / MARKER).write_text(json.dumps(asdict(this) | {"created": this.created - 3600}))
    assert len(remove_abandoned(tmp_path)) == 1


@pytest.mark.parametrize("told", ["", "[]", "{", "1", '{"pid": 1}', '{"name": "maker", "pid": "x", "created": null}'])
def test_a_folder_whose_marker_tells_nothing_stays(tmp_path: Path, abandoned: Path, told: str) -> None:
    (abandoned / MARKER).write_text(told)
    assert remove_abandoned(tmp_path) == []
    assert abandoned.exists()


def test_folders_that_others_could_have_filled_stay(tmp_path: Path, abandoned: Path) -> None:
    (tmp_path / "planner-of-somebody").mkdir()
    (tmp_path / "planner-file").write_text("")
    (tmp_path / "other").mkdir()
    abandoned.rename(tmp_path / "other" / "real")
    (tmp_path / "planner-link").symlink_to(tmp_path / "other" / "real")
    before = sorted(tmp_path.rglob("*"))
    assert remove_abandoned(tmp_path) == []
    (tmp_path / "other" / "real").rename(tmp_path / "planner-open")
    (tmp_path / "planner-open").chmod(0o777)
    assert remove_abandoned(tmp_path) == []
    assert len(sorted(tmp_path.rglob("*"))) == len(before)
