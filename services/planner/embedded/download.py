"""`python -m planner.embedded.download`: Kafka's jars into the cache folder, once."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from planner.embedded.folders import KAFKA_VERSION, kafka_jars
from planner.embedded.prerequisites import missing

_FAILURE_LINES: Final = 25


def pom() -> Path:
    """Beside this module in an installed wheel, under `deploy/` in the repository."""
    installed = Path(__file__).with_name("pom.xml")
    if installed.exists():
        return installed
    return Path(__file__).resolve().parents[3] / "deploy" / "embedded" / "pom.xml"


def is_complete(target: Path) -> bool:
    """True if the jars are those of today's pom."""
    used = target / "pom.xml"
    return used.exists() and used.read_bytes() == pom().read_bytes()


def download(target: Path) -> bool:
    """Fills `target` in one step, whatever else does so at the same time; False if Maven failed (it has said why)."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _alone(target.with_suffix(".lock")):
        if is_complete(target):
            return True
        partial = target.with_name(f"{target.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        if not _copy_jars(partial):
            return False
        shutil.copy(pom(), partial / "pom.xml")
        outdated = target.with_name(f"{target.name}.{os.getpid()}.outdated")
        if target.exists():
            target.rename(outdated)
        partial.rename(target)
        shutil.rmtree(outdated, ignore_errors=True)
    return True


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _copy_jars(folder: Path) -> bool:
    maven = shutil.which("mvn")
    assert maven is not None, "asked for before"
    command = [maven, "-B", "-f", str(pom()), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:  # noqa: S603 (Maven, our pom)
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.rstrip())
            _show(line)
    if process.returncode == 0:
        return True
    sys.stderr.write("Maven could not fetch Kafka's jars; the end of what it said:\n")
    sys.stderr.writelines(f"  {line}\n" for line in lines[-_FAILURE_LINES:])
    return False


def _show(line: str) -> None:
    name = line.split(" (", maxsplit=1)[0].rsplit("/", 1)[-1].strip()
    if "Downloaded from" in line and name.endswith(".jar"):
        sys.stdout.write(f"  {name}\n")
        sys.stdout.flush()


def main() -> int:
    target = kafka_jars()
    if is_complete(target):
        sys.stdout.write(f"Kafka {KAFKA_VERSION} is in {target}\n")
        return 0
    faults = missing()
    if faults:
        sys.stderr.writelines(f"missing: {fault}\n" for fault in faults)
        return 1
    sys.stdout.write(f"Fetching Kafka {KAFKA_VERSION} into {target}\n")
    if not download(target):
        return 1
    sys.stdout.write(f"Kafka {KAFKA_VERSION}: {len(list(target.glob('*.jar')))} jars\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
