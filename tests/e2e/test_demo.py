"""`planner demo` as a user runs it: what it shows, and its exit code."""

import os
import pty
import re
import shutil
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from planner.runtime.settings import environment
from support.stack import PLANNER, is_over, planner
from support.until import until

pytestmark = pytest.mark.timeout(170)

OCCURRENCES = re.compile(r"(\d+) occurrences expected, (\d+) actions on Kafka, (\d+) runs recorded")


@pytest.fixture(scope="module")
def shown() -> str:
    """Settings of another installation must not lead it astray."""
    ended = planner("demo", settings={"PLANNER_KAFKA": "127.0.0.1:1", "PLANNER_NAMESPACE": "foreign"})
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def in_order(shown: str, *steps: str) -> bool:
    """Whether lines that match the steps appear one after the other."""
    return re.search(".*".join(steps), shown, re.DOTALL) is not None


def test_a_plan_is_followed_from_its_creation_to_its_completed_run(shown: str) -> None:
    name = "publish launch post"
    due = rf"due → action  {name}: due [0-9:.]+, [0-9.]+ ms late: planner\.action\.content\.publish, partition \d"
    assert in_order(shown, rf"plan created  {name}", due, rf"executing  {name}: by ", rf"completed  {name}: by ")


def test_a_plan_is_changed_and_one_is_cancelled_while_they_fire(shown: str) -> None:
    assert in_order(shown, "due → action  pulse", r"plan updated  pulse \(revision 2\)", "due → action  pulse")
    assert in_order(shown, "due → action  newsletter", r"plan cancelled  newsletter \(revision 2\)")
    assert not in_order(shown, "plan cancelled  newsletter", "due → action  newsletter")


def test_the_cron_plan_fires_at_a_full_minute(shown: str) -> None:
    assert in_order(shown, r"due → action  every minute: due \d\d:\d\d:00\.000000", "completed  every minute")


def test_the_killed_owner_is_started_again_and_everything_is_made_up_for(shown: str) -> None:
    killed = r"killed  the owner \(pid \d+\), with SIGKILL"
    assert in_order(
        shown,
        killed,
        "restarting  owner-1 after SIGKILL",
        "started again  owner-1",
        "waiting  it takes over when Kafka has not heard of the killed owner for 6 s",
        r"caught up  \d+ had fired before the kill",
    )


def test_the_runs_are_listed_and_the_ledger_finds_no_difference(shown: str) -> None:
    assert in_order(shown, "Runs, from the HTTP API", r"publish launch post +1 +[0-9:.]+ +completed +[0-9.]+")
    assert "nothing lost, nothing doubled, nothing early" in shown
    counted = OCCURRENCES.search(shown)
    assert counted is not None
    expected, fired, recorded = (int(number) for number in counted.groups())
    assert expected == fired == recorded > 24


def test_a_pipe_gets_plain_lines(shown: str) -> None:
    assert "\x1b" not in shown


async def test_on_a_terminal_it_has_colours_and_stops_in_order_at_ctrl_c() -> None:
    ours, theirs = pty.openpty()
    demo = start_on(theirs)
    try:
        written = bytearray()
        while b"  services" not in written:
            written += os.read(ours, 65536)
        below = psutil.Process(demo.pid).children(recursive=True)
        demo.send_signal(signal.SIGINT)
        while demo.poll() is None:
            drain(ours)
    finally:
        demo.terminate()
        demo.wait()
        os.close(ours)
    assert b"\x1b[" in written
    assert demo.returncode == 130
    # Kafka, Valkey, PostgreSQL with its own children.
    assert len(below) > 5
    await until(lambda: all(is_over(process.pid) for process in below), what="every process is gone")


def start_on(terminal: int) -> subprocess.Popen[bytes]:
    # What a shell starts in the background ignores Ctrl-C, and so does everything below it; tests that ran so once never saw it stop.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        env = {**environment(), "TERM": "xterm"}
        return subprocess.Popen([str(PLANNER), "demo"], stdin=terminal, stdout=terminal, stderr=terminal, env=env)
    finally:
        signal.signal(signal.SIGINT, before)
        os.close(terminal)


def drain(terminal: int) -> None:
    """Linux answers EIO when the other side is closed."""
    try:
        os.read(terminal, 65536)
    except OSError:
        return


def test_without_java_it_says_how_to_install_it(tmp_path: Path) -> None:
    (tmp_path / "sh").symlink_to(str(shutil.which("sh")))
    told = planner("demo", settings={"PATH": str(tmp_path)})
    assert told.returncode == 1
    assert "Java 17 or later is needed and `java` was not found. Install: see adoptium.net" in told.stdout
