import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tidy.project import ROOT, files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=50,
    )
    return zipfile.ZipFile(next(Path(target).glob("planner_kafka-*.whl")))


def test_the_wheel_holds_all_of_both_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    expected = {
        file.path.partition("/")[2]
        for file in files()
        if file.path.startswith(("contracts/planner_contracts/", "services/planner/")) and not file.path.endswith((".pyi", ".tmp"))
    } | {"planner/embedded/pom.xml"}

    held = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert held == expected


def test_the_wheel_says_who_it_is(wheel: zipfile.ZipFile) -> None:
    metadata_name = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    metadata = Parser().parsestr(wheel.read(metadata_name).decode())
    entry_points = wheel.read(metadata_name.replace("METADATA", "entry_points.txt")).decode()

    assert metadata["Name"] == "planner-kafka"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert {"gateway", "owner", "recorder", "worker", "services", "embedded"} <= set(metadata.get_all("Provides-Extra") or ())
    assert "planner = planner.cli.app:main" in entry_points
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel.namelist())
