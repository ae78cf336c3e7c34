"""What every result for programs has in common: it says its kind and the version of its schema.

Each kind is a model, beside the thing that it tells of. Its text and its JSON schema come from it, so that they cannot
say different things.
"""

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from tether.kinds import Kind

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Part(BaseModel):
    """An object inside of a document: names in camel case, each with a description."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        frozen=True,
        use_attribute_docstrings=True,
        json_schema_serialization_defaults_required=True,
    )


class Document(Part):
    """One result; every subclass begins with its ``kind``.

    The schema version grows when a field goes or changes its meaning; new fields may come at any time.
    """

    schema_version: Literal[1] = 1
    """Version of this kind's schema."""

    def plain(self) -> dict[str, Any]:
        """As values that JSON knows."""
        return self.model_dump(mode="json", by_alias=True, warnings=False)

    def text(self) -> str:
        """As it is given and kept."""
        return write(self.plain())


def write(plain: object) -> str:
    """JSON as all documents and schemas are written."""
    return json.dumps(plain, indent=2, ensure_ascii=False) + "\n"


def first_fault(error: ValidationError) -> str:
    """What makes a document that was read useless, in one line."""
    fault = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"


class _Schema(GenerateJsonSchema):
    """Without the titles that only repeat the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema(model: type[Document]) -> JsonSchemaValue:
    """The JSON schema of a kind of document."""
    made = model.model_json_schema(mode="serialization", by_alias=True, schema_generator=_Schema)
    # Descriptions are docstrings, some of them in the form of code that is read as such.
    made = json.loads(json.dumps(made).replace("``", "`"))
    return {"$schema": DIALECT, **made, "title": kind_of(model)}


def kind_of(model: type[Document]) -> Kind:
    """The kind that a model is for."""
    return Kind(model.model_fields["kind"].default)
