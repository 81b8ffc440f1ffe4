"""`python -m planner.owner`: one owner process."""

from planner.owner.app import serve
from planner.owner.settings import OwnerSettings
from planner.runtime.lifecycle import run_process


def main() -> None:
    """Run until stopped."""
    run_process("owner", OwnerSettings, serve)


if __name__ == "__main__":
    main()
