"""Where a stack's PostgreSQL lives: its user, its binaries, its cluster."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from planner.embedded.accounts import Account, reaches, unprivileged
from planner.embedded.binaries import postgres_installation

# Where an unprivileged user can always look: used by root alone, when the asked folder is closed to that user.
_OPEN_FOLDER: Final = Path("/var/lib/planner")


@dataclass(frozen=True, slots=True)
class PostgresHome:
    """Whose server it is, and where its binaries and its cluster are."""

    account: Account | None
    installation: Path
    cluster: Path


def postgres_folder(data: Path) -> Path:
    """Where the cluster of this stack is: in its data folder unless the server's user cannot pass through to there."""
    inside = data / "postgres"
    if reaches(unprivileged(), data):
        return inside
    return _OPEN_FOLDER / f"postgres-{hashlib.sha256(str(data.resolve()).encode()).hexdigest()[:16]}"


def postgres_home(data: Path) -> PostgresHome:
    data.mkdir(parents=True, exist_ok=True)
    account = unprivileged()
    home = PostgresHome(account=account, installation=_installation(account), cluster=postgres_folder(data))
    if _OPEN_FOLDER in home.cluster.parents:
        _open_folder()
    return home


def _installation(account: Account | None) -> Path:
    """The binaries, copied to where the account can reach them if it cannot where they are."""
    installed = postgres_installation()
    if reaches(account, installed / "bin"):
        return installed
    package = installed.parent
    stamp = hashlib.sha256(f"{package}{package.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    copied = _OPEN_FOLDER / f"postgres-binaries-{stamp}"
    if not copied.exists():
        partial = copied.with_name(f"{copied.name}.{os.getpid()}")
        _open_folder()
        # The binaries look for their libraries beside their package.
        for folder in (package, package.with_name(f"{package.name}.libs")):
            shutil.copytree(folder, partial / folder.name, symlinks=True)
        try:
            partial.rename(copied)
        except OSError:
            shutil.rmtree(partial)
    return copied / package.name / installed.name


def _open_folder() -> None:
    _OPEN_FOLDER.mkdir(parents=True, exist_ok=True)
    # Ours alone; a strict umask of root's would have closed it.
    _OPEN_FOLDER.chmod(0o755)
