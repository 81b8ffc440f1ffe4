"""`python -m planner.owner`: one owner process."""

import gc
from typing import Final

from planner.owner.app import serve
from planner.owner.settings import OwnerSettings
from planner.runtime.lifecycle import run_process

# A tick makes tens of thousands of objects and lets go of them all; collections in between find no cycle and cost a twelfth of a fire.
OBJECTS_BETWEEN_COLLECTIONS: Final = 50_000


def main() -> None:
    """Run until stopped."""
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS, 20, 100)
    run_process("owner", OwnerSettings, serve)


if __name__ == "__main__":
    main()
