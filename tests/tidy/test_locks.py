import tomllib

import pytest
from packaging.requirements import Requirement

from tidy.locks import asked_for, faults, grouped, read_lock
from tidy.project import ROOT

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))
HASH = "    --hash=sha256:" + "0" * 64
PINNED = f"aiokafka==0.14.0 \\\n{HASH} \\\n{HASH}\n    # via planner-kafka\ncolorama==0.4.6 ; sys_platform == 'win32' \\\n{HASH}\n"


def _asked_for(name: str) -> tuple[Requirement, ...]:
    match name:
        case "dev":
            return (*asked_for(PYPROJECT, extras=("bench",)), *grouped(PYPROJECT, "dev"))
        case "build" | "fuzz" as group:
            return grouped(PYPROJECT, group)
        case extra:
            return asked_for(PYPROJECT, extras=(extra,))


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_what_pyproject_asks_for_with_hashes(name: str) -> None:
    lock = read_lock((ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8"))

    assert not list(faults(_asked_for(name), lock))


def test_there_is_a_lock_for_whatever_is_installed_alone() -> None:
    assert {"dev", "build", "fuzz", "services", "gateway", "owner", "recorder", "worker"} == set(LOCKS)


def test_a_lock_is_read_with_its_hashes_and_markers() -> None:
    lock = read_lock(PINNED)

    assert {name: (str(locked.version), locked.hashes) for name, locked in lock.items()} == {
        "aiokafka": ("0.14.0", 2),
        "colorama": ("0.4.6", 1),
    }


@pytest.mark.parametrize(
    ("requirement", "lock", "says"),
    [
        ("redis>=7", PINNED, "redis is not locked"),
        ("aiokafka>=0.15", PINNED, "aiokafka is locked at 0.14.0"),
        ("aiokafka>=0.14", "aiokafka==0.14.0\n", "aiokafka has no hash"),
    ],
)
def test_a_lock_that_is_behind_is_found(requirement: str, lock: str, says: str) -> None:
    assert says in "\n".join(faults([Requirement(requirement)], read_lock(lock)))


def test_an_extra_that_names_other_extras_is_followed() -> None:
    pyproject = {
        "project": {
            "name": "planner-kafka",
            "dependencies": ["pydantic"],
            "optional-dependencies": {"kafka": ["aiokafka"], "worker": ["planner-kafka[kafka]", "faststream"], "owner": ["redis"]},
        }
    }

    assert {requirement.name for requirement in asked_for(pyproject, extras=["worker"])} == {"pydantic", "aiokafka", "faststream"}


def test_a_group_that_includes_another_is_followed() -> None:
    pyproject = {"dependency-groups": {"build": ["hatchling"], "dev": [{"include-group": "build"}, "pytest"]}}

    assert [requirement.name for requirement in grouped(pyproject, "dev")] == ["hatchling", "pytest"]
