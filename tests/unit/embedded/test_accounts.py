import os
from pathlib import Path

import pytest

from planner.embedded.accounts import Account, reaches

STRANGER = Account(uid=4_000_000, gid=4_000_000)


@pytest.fixture
def open_folder(tmp_path: Path) -> Path:
    """The first folder above that a stranger reaches: pytest's own is closed to others."""
    return next(folder for folder in tmp_path.parents if reaches(STRANGER, folder))


def test_a_stranger_does_not_reach_what_is_in_a_closed_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert not reaches(STRANGER, tmp_path / "postgres")


def test_a_stranger_reaches_what_does_not_exist_yet_in_an_open_folder(open_folder: Path) -> None:
    assert reaches(STRANGER, open_folder / "absent" / "deeper")


def test_the_owner_of_a_closed_folder_passes(open_folder: Path, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    owner = Account(uid=os.getuid(), gid=os.getgid())
    assert reaches(owner, closed)


def test_the_group_counts_before_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "group"
    folder.mkdir()
    folder.chmod(0o707)
    assert not reaches(Account(uid=4_000_000, gid=folder.stat().st_gid), folder)


def test_without_another_account_everything_is_reached(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    assert reaches(None, tmp_path)
