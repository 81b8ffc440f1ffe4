"""A process needs its own extra only: its modules are imported while everything outside its lock is missing."""

import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest
from packaging.utils import canonicalize_name

from tidy.locks import read_lock
from tidy.project import ROOT, files

# Runs in a fresh interpreter, so that nothing is imported yet.
WITHOUT = """
import importlib, importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"{name} is not in this extra's lock", name=name)

missing = set(sys.argv[1].split(","))
sys.meta_path.insert(0, Missing())
for module in sys.argv[2].split(","):
    importlib.import_module(module)
"""


def _outside(lock: str) -> set[str]:
    """Top-level modules of installed distributions that this lock does not name."""
    locked = set(read_lock((ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8"))) | {"planner-kafka"}
    return {module for module, owners in packages_distributions().items() if not {canonicalize_name(owner) for owner in owners} & locked}


def _modules(folder: str) -> list[str]:
    prefix = f"services/planner/{folder}/"
    names = [file.path.removeprefix("services/").removesuffix(".py").replace("/", ".") for file in files() if _is_module(file.path, prefix)]
    return [name.removesuffix(".__init__") for name in names]


def _is_module(path: str, prefix: str) -> bool:
    return path.startswith(prefix) and path.endswith(".py") and "/migrations/" not in path


def _import(modules: list[str], *, without: set[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT, ",".join(sorted(without)), ",".join(modules)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.parametrize("extra", ["gateway", "owner", "recorder", "worker"])
def test_a_process_imports_with_its_own_extra_only(extra: str) -> None:
    result = _import([*_modules(extra), "planner.cli.app", "planner.cli.preview"], without=_outside(extra))

    assert result.returncode == 0, result.stderr


def test_the_contracts_need_pydantic_only() -> None:
    modules = [
        file.path.removeprefix("contracts/").removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        for file in files()
        if file.path.startswith("contracts/") and file.path.endswith(".py")
    ]
    allowed = {"planner_contracts", "pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection"}

    result = _import(modules, without=set(packages_distributions()) - allowed)

    assert result.returncode == 0, result.stderr


def test_a_missing_package_is_seen() -> None:
    result = _import(["planner_contracts.plan"], without={"pydantic"})

    assert result.returncode != 0
    assert "pydantic is not in this extra's lock" in result.stderr
