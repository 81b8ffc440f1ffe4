"""The unprivileged user for a server that refuses to run as root, and what that user can reach."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_UNPRIVILEGED: Final = "nobody"


@dataclass(frozen=True, slots=True)
class Account:
    uid: int
    gid: int


def unprivileged() -> Account | None:
    """Whom to become; None if this process is not root, so that the server runs as the same user."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(_UNPRIVILEGED)
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def reaches(account: Account | None, path: Path) -> bool:
    """True if the account may pass through every folder down to `path`, itself included as far as it exists."""
    if account is None:
        return True
    resolved = path.resolve()
    return all(_passes(account, folder) for folder in (*resolved.parents, resolved) if folder.exists())


def _passes(account: Account, folder: Path) -> bool:
    found = folder.stat()
    if found.st_uid == account.uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == account.gid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)
