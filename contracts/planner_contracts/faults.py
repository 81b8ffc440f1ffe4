"""What is wrong with one field, in words of ours: pydantic's own name its types and patterns, and change with its releases."""

from collections.abc import Mapping
from typing import Any, Final

from planner_contracts.plan_command import FORMS

_DETAILS: Final = {
    "missing": "a value is required",
    "string_type": "a string is expected",
    "int_type": "an integer is expected",
    "int_parsing": "an integer is expected",
    "int_from_float": "an integer is expected",
    "float_type": "a number is expected",
    "float_parsing": "a number is expected",
    "bool_type": "true or false is expected",
    "bool_parsing": "true or false is expected",
    "dict_type": "an object is expected",
    "model_type": "an object is expected",
    "model_attributes_type": "an object is expected",
    "list_type": "a list is expected",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "too_long": "at most {max_length} members",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "int_parsing_size": "the number is too large",
    "string_unicode": "the text is no Unicode",
}
_CHOICES: Final = ("literal_error", "enum")
_OURS: Final = ("value_error", "invalid")
_PREFIX: Final = "Value error, "
_OTHERWISE: Final = "the value is not valid"


def fault_detail(fault: Mapping[str, Any], *, unknown: str = "there is no such field") -> str:
    """The text for one item of `ValidationError.errors()`, with its context. `unknown`: what to say of one too many."""
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown
    if kind in _CHOICES:
        return f"{str(context['expected']).replace(chr(39), '')} is expected"
    if kind in _OURS:
        return str(fault["msg"]).removeprefix(_PREFIX)
    if kind == "string_pattern_mismatch":
        return FORMS.get(context["pattern"], _OTHERWISE)
    return _DETAILS.get(kind, _OTHERWISE).format_map(context)
