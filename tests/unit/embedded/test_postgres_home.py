import os
from pathlib import Path

import pytest

from planner.embedded.postgres_home import postgres_folder

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts PostgreSQL as another user")


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o700)
    return folder


@ROOT_ONLY
def test_root_keeps_the_cluster_elsewhere_where_the_server_cannot_pass(closed: Path) -> None:
    found = postgres_folder(closed)
    assert closed not in found.parents
    assert found == postgres_folder(closed)
    assert found != postgres_folder(closed / "other")
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() == 0, reason="root starts PostgreSQL as another user")
def test_a_user_keeps_the_cluster_in_the_data_folder(closed: Path) -> None:
    assert postgres_folder(closed) == closed / "postgres"
