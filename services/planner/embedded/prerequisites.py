"""What must be on the machine before `make install`; standard library only: it runs before anything is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from importlib.util import find_spec

PYTHON_AT_LEAST = (3, 11)
JAVA_AT_LEAST = 17

_INSTALL = {
    "apt-get": {"python": "python3 python3-venv", "java": "openjdk-17-jre-headless", "maven": "maven"},
    "dnf": {"python": "python3.11", "java": "java-17-openjdk-headless", "maven": "maven"},
    "brew": {"python": "python@3.12", "java": "openjdk@17", "maven": "maven"},
}
_ELSEWHERE = {"python": "see python.org", "java": "see adoptium.net", "maven": "see maven.apache.org"}


def missing() -> list[str]:
    """A sentence for each missing prerequisite, with the command that installs it."""
    faults = []
    if sys.version_info < PYTHON_AT_LEAST:
        wanted = ".".join(str(part) for part in PYTHON_AT_LEAST)
        faults.append(
            f"Python {wanted} or later is needed, this is {sys.version.split()[0]}. Install: {_command('python')}"
            " (and name it, if it is not `python3`: make PYTHON=python3.12 …)"
        )
    elif sys.prefix == sys.base_prefix and find_spec("ensurepip") is None:
        faults.append(f"Python's venv is needed and is not part of this {sys.executable}. Install: {_command('python')}")
    java = missing_java()
    if java is not None:
        faults.append(java)
    if shutil.which("mvn") is None:
        faults.append(f"Maven is needed and `mvn` was not found. Install: {_command('maven')}")
    return faults


def missing_java() -> str | None:
    """None if the `java` on the path will do."""
    version = java_version()
    if version is None:
        return f"Java {JAVA_AT_LEAST} or later is needed and `java` was not found. Install: {_command('java')}"
    if version < JAVA_AT_LEAST:
        return f"Java {JAVA_AT_LEAST} or later is needed, `java` is {version}. Install: {_command('java')}"
    return None


def java_version() -> int | None:
    """The major version of `java` on the path, None if there is none that runs."""
    java = shutil.which("java")
    if java is None:
        return None
    answer = subprocess.run([java, "-version"], capture_output=True, text=True, check=False)  # noqa: S603 (the operator's own java)
    found = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(found.group(1)) if found else None


def _command(what: str) -> str:
    for installer, packages in _INSTALL.items():
        if shutil.which(installer) is not None:
            return f"{'' if installer == 'brew' else 'sudo '}{installer} install {packages[what]}"
    return _ELSEWHERE[what]


def main() -> int:
    faults = missing()
    for fault in faults:
        sys.stderr.write(f"missing: {fault}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
