"""The committed examples against the two things that judge a document: the model that our processes use, the schema that others do."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError as SchemaError
from pydantic import BaseModel, ValidationError

from planner.domain.definition import define
from planner_contracts.documents import DOCUMENTS, schemas
from planner_contracts.envelope import EnvelopeInvalidError, decode, encode

EXAMPLES: Final = files("planner_contracts") / "examples"
SCHEMAS: Final = schemas()


@dataclass(frozen=True, slots=True)
class Example:
    document: str
    name: str
    content: Any

    def __str__(self) -> str:
        return f"{self.document}/{self.name}"


ALL: Final = [
    Example(folder.name, file.name.removesuffix(".json"), json.loads(file.read_text(encoding="utf-8")))
    for folder in sorted(EXAMPLES.iterdir(), key=lambda entry: entry.name)
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name)
]
valid = pytest.mark.parametrize("example", [example for example in ALL if example.name.startswith("ok_")], ids=str)
invalid = pytest.mark.parametrize("example", [example for example in ALL if example.name.startswith("invalid_")], ids=str)


def judge(document: str) -> Draft202012Validator:
    return Draft202012Validator(SCHEMAS[document], format_checker=Draft202012Validator.FORMAT_CHECKER)


def through_the_model(model: type[BaseModel]) -> Callable[[Any], Any]:
    return lambda content: model.model_validate(content).model_dump(mode="json", by_alias=True, exclude_unset=True)


def through_the_envelope(content: Any) -> Any:  # noqa: ANN401  a document of any form
    return json.loads(encode(decode(json.dumps(content).encode(), [])))


def reader(document: str) -> Callable[[Any], Any]:
    """Reads a document and writes it again."""
    return through_the_envelope if document == "record" else through_the_model(DOCUMENTS[document].model)


def test_every_document_has_examples_of_both_kinds_and_nothing_else_lies_there() -> None:
    found = {(example.document, example.name.partition("_")[0]) for example in ALL}
    assert found == {(document, kind) for document in SCHEMAS for kind in ("ok", "invalid")}


@valid
def test_what_is_valid_survives_reading_and_writing(example: Example) -> None:
    written = reader(example.document)(example.content)
    assert {name: value for name, value in written.items() if name in example.content} == example.content
    assert written.keys() - example.content.keys() <= {"datacontenttype"}


@valid
def test_what_is_valid_conforms_to_the_schema(example: Example) -> None:
    judge(example.document).validate(example.content)


@pytest.mark.parametrize("example", [example for example in ALL if str(example).startswith("plan_definition/ok_")], ids=str)
def test_the_domain_accepts_the_definitions_that_are_shown(example: Example) -> None:
    define(example.content, now=None)


@invalid
def test_what_is_invalid_is_refused_at_the_field_for_the_reason_that_the_example_names(example: Example) -> None:
    with pytest.raises((ValidationError, EnvelopeInvalidError)) as refused:
        reader(example.document)(example.content["data"])
    error = refused.value
    if isinstance(error, ValidationError):
        reasons = [(str(fault["loc"][-1]) if fault["loc"] else "", fault["msg"]) for fault in error.errors()]
    else:
        reasons = [("", str(error))]
    assert any(field == example.content["field"] and example.content["because"] in why for field, why in reasons), reasons


@invalid
def test_what_is_invalid_does_not_conform_to_the_schema(example: Example) -> None:
    with pytest.raises(SchemaError):
        judge(example.document).validate(example.content["data"])


@pytest.mark.parametrize("document", SCHEMAS)
def test_a_committed_schema_is_a_schema_and_what_the_code_generates(document: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[document])
    committed = (files("planner_contracts") / "schemas" / f"{document}.json").read_text(encoding="utf-8")
    assert json.loads(committed) == SCHEMAS[document], "behind the code: make docs"


def test_no_schema_lies_there_that_no_document_has() -> None:
    assert {file.name for file in (files("planner_contracts") / "schemas").iterdir()} == {f"{name}.json" for name in SCHEMAS}
