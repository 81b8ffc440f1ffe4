"""`Prefer: wait=n` and `Prefer: respond-async` (RFC 7240)."""

import re
from dataclasses import dataclass
from typing import Final

HEADER: Final = "prefer"
APPLIED_HEADER: Final = "Preference-Applied"

_RESPOND_ASYNC: Final = "respond-async"
_WAIT: Final = "wait"
_SECONDS: Final = re.compile(r"[0-9]{1,9}\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wait:
    """How long a request may wait for its command's outcome, in seconds. `applied`: the preferences that made it so."""

    seconds: float
    applied: str | None = None


def parse_wait(headers: list[str], *, most_s: float) -> Wait:
    """What the caller prefers, within what we grant. A preference that we do not know, or cannot read, is none (RFC 7240)."""
    given: dict[str, str] = {}
    for part in ",".join(headers).split(","):
        name, _, value = part.partition(";")[0].partition("=")
        # The first one counts where a preference stands twice.
        given.setdefault(name.strip().lower(), value.strip().strip('"'))
    wait = given.get(_WAIT, "")
    asked = int(wait) if _SECONDS.match(wait) else None
    if asked is not None:
        return Wait(min(asked, most_s), f"{_WAIT}={asked}" if asked <= most_s else None)
    return Wait(0, _RESPOND_ASYNC) if _RESPOND_ASYNC in given else Wait(most_s)
