"""`make install` asks here first, with the system's own Python: names what is missing and the command that installs it."""

import runpy
import sys
from pathlib import Path

WHERE = Path(__file__).resolve().parent.parent / "services" / "planner" / "embedded" / "prerequisites.py"

sys.exit(runpy.run_path(str(WHERE))["main"]())
