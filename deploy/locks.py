"""Compile requirements/*.txt from pyproject.toml: `make locks`, with `--upgrade` for the newest versions that fit.

One lock for development, one for fuzzing and one for each thing that an image may hold. They fit every supported Python and platform (uv's
universal resolution), carry hashes, and name no package index: that is the installer's configuration.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
OLDEST_PYTHON: Final = "3.11"
LOCKS: Final[dict[str, tuple[str, ...]]] = {
    "dev": ("pyproject.toml", "--extra", "bench", "--group", "dev"),
    "build": ("--group", "pyproject.toml:build"),
    "fuzz": ("--group", "pyproject.toml:fuzz"),
    **{extra: ("pyproject.toml", "--extra", extra) for extra in ("services", "gateway", "owner", "recorder", "worker")},
}


def compile_lock(name: str, chosen: tuple[str, ...], more: list[str]) -> None:
    # The index stays out of the file even where the caller's configuration names one.
    fixed = [
        "--universal",
        "--generate-hashes",
        "--no-emit-index-url",
        "--no-emit-find-links",
        "--python-version",
        OLDEST_PYTHON,
        "--quiet",
    ]
    command = [sys.executable, "-m", "uv", "pip", "compile", *chosen, *fixed, *more]
    # An existing lock is the starting point, so that a new dependency does not move the others.
    subprocess.run(  # noqa: S603 a fixed command and the caller's own options
        [*command, "--custom-compile-command", "make locks", "--output-file", f"requirements/{name}.txt"], cwd=ROOT, check=True
    )


def main() -> None:
    for name, chosen in LOCKS.items():
        compile_lock(name, chosen, sys.argv[1:])


if __name__ == "__main__":
    main()
