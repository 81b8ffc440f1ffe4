import importlib
import subprocess
import sys

import pytest

from planner.cli.app import ENTRIES, Entry, ExitCode, main
from planner.cli.extras import missing_extra
from planner.runtime.failures import StartupRefusedError


def test_help_lists_every_command_without_importing_any(capsys: pytest.CaptureFixture[str]) -> None:
    listed = (
        "import sys; from planner.cli.app import main\ntry: main(['--help'])\nfinally: print([m for m in sys.modules if 'aiokafka' in m])"
    )
    printed = subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True).stdout
    assert all(f"  {entry.name} " in printed for entry in ENTRIES)
    assert printed.endswith("[]\n")


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(["--version"])
    assert exit_info.value.code == ExitCode.OK
    assert capsys.readouterr().out.startswith("planner ")


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["up", "--nonsense"], ["up", "--owners", "0"], ["up", "--ephemeral", "--data", "here"]]
)
def test_wrong_usage_ends_with_its_own_code(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(arguments)
    assert exit_info.value.code == ExitCode.USAGE
    assert "Usage: planner" in capsys.readouterr().err


def test_wrong_settings_are_refused_with_the_variable_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("PLANNER_NAMESPACE", "Not A Namespace")
    with pytest.raises(SystemExit) as exit_info:
        main(["up", "--ephemeral"])
    assert exit_info.value.code == ExitCode.REFUSED
    assert "PLANNER_NAMESPACE" in capsys.readouterr().err


def test_a_missing_package_is_told_with_the_extra_that_brings_it() -> None:
    absent = ModuleNotFoundError("no", name="aiokafka.admin")
    told = missing_extra(absent, what="`planner owner`", extra="owner")
    assert isinstance(told, StartupRefusedError)
    assert str(told) == "`planner owner` needs the package aiokafka.admin. Install: pip install 'planner-kafka[owner]'"


def test_a_missing_module_of_our_own_is_not_explained_away() -> None:
    absent = ModuleNotFoundError("no", name="planner.owner.app")
    assert missing_extra(absent, what="`planner owner`", extra="owner") is absent


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry.name for entry in ENTRIES])
def test_each_command_is_where_the_table_says(entry: Entry) -> None:
    assert hasattr(importlib.import_module(entry.module), entry.attribute)
