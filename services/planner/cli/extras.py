"""What to say when a command's module cannot be imported because its extra is not installed."""

from planner.runtime.failures import StartupRefusedError

_OURS = frozenset({"planner", "planner_contracts"})


def missing_extra(error: ModuleNotFoundError, *, what: str, extra: str) -> Exception:
    """The error to raise instead: which extra to install, unless it is a module of our own that is missing."""
    if error.name is None or error.name.split(".", maxsplit=1)[0] in _OURS:
        return error
    return StartupRefusedError(f"{what} needs the package {error.name}. Install: pip install 'planner-kafka[{extra}]'")
