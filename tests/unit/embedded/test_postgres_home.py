import os
from pathlib import Path

import pytest

from planner.embedded.postgres_home import postgres_folder


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder


def test_the_cluster_is_in_the_data_folder_unless_the_server_runs_as_another_user_who_cannot_pass(closed: Path) -> None:
    found = postgres_folder(closed)
    assert (closed in found.parents) == (os.geteuid() != 0)
    assert found == postgres_folder(closed)
    assert found != postgres_folder(closed / "other")
    assert closed.stat().st_mode & 0o777 == 0o700
