"""Bodies of requests: the definitions of the core, without what the token and the service say."""

from copy import copy
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model, model_validator

from domain.aggregate.aggregate import Aggregate
from domain.aggregate.command import Command, name_of
from domain.core.input_types import Name
from services.examples import DECLARE_EXAMPLE, EXAMPLES, OPEN_EXAMPLE
from services.field_help import COMMAND_HELPS, FORM_HELPS, INCIDENT_HELPS
from services.incidents import DeclareRequest
from services.intake.request import OpenRequest, without_blanks

_NOT_SAID = frozenset({"do", "by", "role", "id", "received", "terms"})
"""Said by the path, the token, the `Idempotency-Key` and our own clock, not by a body; terms come from the policy."""
BY = "Whose words they are. Only an integration may name somebody else; otherwise the token says it."


def command_body(aggregate: Aggregate[Any], kind: type[Command]) -> type[BaseModel]:
    """Make the body of a command: its own fields, and `by` for integrations."""
    name = kind.__name__ if aggregate.noun == "ticket" else f"{aggregate.noun.title()}{kind.__name__}"
    example = EXAMPLES[aggregate.noun].get(name_of(kind), {})
    return _derived(kind, COMMAND_HELPS[aggregate.noun], f"{name}Body", example)


def declaring_body() -> type[BaseModel]:
    """Make the body that declares an incident."""
    return _derived(DeclareRequest, INCIDENT_HELPS, "DeclareBody", DECLARE_EXAMPLE)


def needs_something(body: type[BaseModel]) -> bool:
    """Tell whether an empty body is not enough."""
    return any(field.is_required() for field in body.model_fields.values())


def opening_body() -> type[BaseModel]:
    """Make the body that opens a ticket: the form (G11), without the role."""
    return _derived(OpenRequest, FORM_HELPS, "OpenBody", OPEN_EXAMPLE)


def _derived(model: type[BaseModel], helps: dict[str, str], name: str, example: dict[str, Any]) -> type[BaseModel]:
    """Make a model with the fields of another, described, without what the caller does not say, and with `by`."""
    fields: dict[str, Any] = {}
    lenient: dict[str, Any] = {"said": model_validator(mode="before")(without_blanks)} if model is OpenRequest else {}
    for field_name, field in model.model_fields.items():
        if field_name not in _NOT_SAID:
            described = copy(field)
            described.description = helps.get(field_name)
            fields[field_name] = (field.annotation, described)
    example = {field: value for field, value in example.items() if field not in _NOT_SAID or field == "by"}
    config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [example]})
    derived: type[BaseModel] = create_model(
        name, __config__=config, __doc__=model.__doc__, __validators__=lenient, **fields, by=(Name | None, None)
    )
    derived.model_fields["by"].description = BY
    derived.model_rebuild(force=True)
    return derived


def said(body: BaseModel) -> dict[str, Any]:
    """Return what a body says, and nothing that it does not."""
    return body.model_dump(mode="json", exclude_unset=True)
