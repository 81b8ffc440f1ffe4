"""What a process logs, seen from outside: logging is set up once a process."""

import json
import subprocess
import sys
from typing import Any

import pytest

SCRIPT = """
import logging
from planner.runtime.log import configure, get_logger

configure(process="owner", level={level!r}, log_format={log_format!r})
log = get_logger("owner")
log.debug("owner.detail.seen", partition=1)
log.info("owner.takeover.finished", partition=3, text="é\\n")
try:
    raise ValueError("lost")
except ValueError:
    log.exception("owner.shard.failed")
logging.getLogger("some.library").error("it broke: %s", "here")
logging.getLogger("aiokafka.consumer").error("told in our own words")
"""


def logged(level: str, log_format: str) -> str:
    script = SCRIPT.format(level=level, log_format=log_format)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=50)
    assert done.stdout == ""
    return done.stderr


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in logged("info", "json").splitlines()]


def test_every_line_is_one_event_with_its_fields(lines: list[dict[str, Any]]) -> None:
    first = lines[0]
    assert (first["event"], first["partition"], first["text"]) == ("owner.takeover.finished", 3, "é\n")
    assert (first["level"], first["process"]) == ("info", "owner")
    assert first["timestamp"].endswith("Z")


def test_what_is_less_important_than_the_level_is_not_written(lines: list[dict[str, Any]]) -> None:
    assert "owner.detail.seen" not in [line["event"] for line in lines]
    assert "owner.takeover.finished" not in logged("error", "json")


def test_an_exception_is_in_the_same_line(lines: list[dict[str, Any]]) -> None:
    (failure,) = [line for line in lines if line["event"] == "owner.shard.failed"]
    assert "ValueError: lost" in failure["exception"]


def test_what_a_library_says_is_an_event_too_but_not_what_the_kafka_client_raises_anyway(lines: list[dict[str, Any]]) -> None:
    said = [(line["logger"], line["message"]) for line in lines if line["event"] == "library.logged"]
    assert said == [("some.library", "it broke: here")]


def test_people_get_plain_lines() -> None:
    text = logged("debug", "console")
    assert "owner.detail.seen" in text
    assert not text.startswith("{")
    assert "\x1b" not in text
