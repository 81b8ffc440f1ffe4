"""What libraries log is read by the same machines as our own lines."""

import json
import subprocess
import sys

PROGRAM = """
import logging
from planner.runtime.log import configure
configure(process="owner", level="info", log_format="json")
try:
    raise ValueError("two\\nlines")
except ValueError:
    logging.getLogger("asyncio").exception("never retrieved: %s", "a future")
"""


def test_a_line_of_a_library_is_json_with_an_event_name() -> None:
    # A fenced owner's log had tracebacks of asyncio between its JSON lines, which no log pipeline could read.
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    (line,) = ended.stderr.splitlines()
    logged = json.loads(line)
    assert logged["event"] == "library.logged"
    assert (logged["logger"], logged["level"], logged["process"]) == ("asyncio", "error", "owner")
    assert logged["message"] == "never retrieved: a future"
    assert "ValueError: two" in logged["exception"]
