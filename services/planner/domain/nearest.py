"""What somebody may have meant who wrote another name than those there are."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

# Longer than any field or zone: more is not worth comparing, and costs the square of its length.
_CHARACTERS_MAX: Final = 64
# From here on `zone` is taken for `timezone`, and `cron` not yet for `action`.
_LIKENESS_MIN: Final = 0.65


def nearest(text: str, names: Iterable[str], *, likeness_min: float = _LIKENESS_MIN) -> str | None:
    """The name most like the text, upper and lower case aside; null if none is like it (`likeness_min`: 0 to 1)."""
    if len(text) > _CHARACTERS_MAX:
        return None
    lowered = {name.lower(): name for name in names}
    return next((lowered[match] for match in get_close_matches(text.lower(), lowered, n=1, cutoff=likeness_min)), None)
