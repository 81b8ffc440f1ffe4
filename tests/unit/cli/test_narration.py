import io
import subprocess
from pathlib import Path

from rich.console import Console

from planner.cli.narration import Narration, print_ready
from planner.embedded.process import Command
from planner.embedded.program import Program

REACH = {
    "namespace": "planner",
    "gateway": "http://127.0.0.1:8080",
    "kafka": "127.0.0.1:8081",
    "redis": "redis://127.0.0.1:8083/0",
    "postgres": "postgresql://planner:[secret]@127.0.0.1:8084/planner",
    "data": "/there",
    "api_key": "pk_1_2",
}


def a_console() -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written), written


async def is_ready() -> bool:
    return True


def an_owner() -> Program:
    command = Command(name="owner-1", arguments=(), log=Path("/there/logs/owner-1.log"), environment={})
    return Program(service="owner", command=command, address="", answers=is_ready)


def test_a_pipe_gets_plain_text_and_every_address_whole() -> None:
    console, written = a_console()
    print_ready(console, REACH)
    assert "\x1b" not in written.getvalue()
    assert all(value in written.getvalue() for value in REACH.values())


def test_the_first_requests_are_what_a_shell_can_run() -> None:
    console, written = a_console()
    print_ready(console, REACH)
    _, _, commands = written.getvalue().partition("  export ")
    assert commands.startswith(
        "PLANNER=http://127.0.0.1:8080 KEY=pk_1_2 PLANNER_KAFKA=127.0.0.1:8081 PLANNER_NAMESPACE=planner "
        "PLANNER_POSTGRES='postgresql://planner:[secret]@127.0.0.1:8084/planner'\n"
    )
    assert subprocess.run(["sh", "-n"], input=f"export {commands}", text=True, check=True, capture_output=True).stderr == ""


def test_a_restart_is_told_with_its_cause_and_its_log() -> None:
    console, written = a_console()
    narration = Narration(console)
    narration.restarting(an_owner(), exit_code=-9, delay_s=0.2)
    narration.restarting(an_owner(), exit_code=1, delay_s=0.4)
    killed, crashed = written.getvalue().splitlines()
    assert killed.strip() == "restarting owner-1 ended by SIGKILL; starting it again in 0.2 s (its log: /there/logs/owner-1.log)"
    assert "with exit code 1; starting it again in 0.4 s" in crashed
