"""The base of every wire model: frozen, tolerant of fields that a newer writer added."""

from pydantic import BaseModel, ConfigDict


class Message(BaseModel):
    """What is read from a topic or an answer. Unknown fields are ignored: messages change by addition."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="constants", use_attribute_docstrings=True)


class Request(BaseModel):
    """What a caller asks for. Unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
