"""Bodies of requests: the definitions of the core, without what the token and the service say."""

from copy import copy
from datetime import datetime
from typing import Any, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    ModelWrapValidatorHandler,
    PrivateAttr,
    TypeAdapter,
    ValidationError,
    create_model,
    model_validator,
)

from domain.aggregate.aggregate import Aggregate
from domain.aggregate.command import Command, malformed, name_of
from domain.core.enums import Role
from domain.core.input_types import LongText, Name, Text
from domain.core.refusal import Refused
from domain.ticket.commands import Reply
from services.examples import DECLARE_EXAMPLE, EXAMPLES, OPEN_EXAMPLE
from services.field_help import COMMAND_HELPS, FORM_HELPS, INCIDENT_HELPS
from services.intake import sources
from services.intake.declaration import DeclareRequest
from services.intake.lenient import as_text, reply_of
from services.intake.request import OpenRequest, without_blanks
from services.intake.texts import OUTGOING
from services.security.auth import Caller, speak

_NOT_SENT = frozenset({"do", "by", "role", "id", "received", "terms", "unread", "edited", "survey"})
"""Said by the path, the token, the `Idempotency-Key` and our own clock, not by a body; terms come from the policy."""
_SHORT, _LONG = (get_args(kind)[1] for kind in (Text, LongText))
"""How long a text of an event is, and one that comes in: what does not go out to the customer is shortened."""
_NAME: TypeAdapter[str] = TypeAdapter(Name)
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


class OpenBodyBase(BaseModel):
    """A form that is looked at once it is known who fills it in: a person is told of a field that is wrong, and of a
    program, which nobody watches, no such field keeps a ticket out, nor a customer's words."""

    _form: dict[str, Any] = PrivateAttr(default_factory=dict)
    _fault: ValidationError | None = PrivateAttr(default=None)
    """What a person is told of it."""

    @model_validator(mode="wrap")
    @classmethod
    def _as_it_came(cls, value: Any, handler: ModelWrapValidatorHandler["OpenBodyBase"]) -> "OpenBodyBase":
        if not isinstance(value, dict):
            return handler(value)
        fault = None
        try:
            body = handler(value)
        except ValidationError as error:
            body, fault = cls.model_construct(), error
        body._form, body._fault = value, fault
        return body


def opening_body() -> type[BaseModel]:
    """Make the body that opens a ticket: the form (G11), without the role."""
    return _derived(OpenRequest, FORM_HELPS, "OpenBody", OPEN_EXAMPLE)


def opening_of(body: BaseModel, caller: Caller, now: datetime) -> OpenRequest:
    """Return the request that a caller's body makes. Raises Refused (`malformed`, `too_large`, `not_allowed`)."""
    assert isinstance(body, OpenBodyBase)
    sent = without_blanks(body._form)
    if wrong := {name: "there is no such field" for name in sent if name in _NOT_SENT - {"by"}}:
        raise Refused("malformed", "; ".join(f"{name}: {why}" for name, why in wrong.items()), fields=wrong)
    if "by" in sent:
        sent["by"] = _name_of_author(sent["by"])
    form = speak(caller, sent)
    form["source"] = sources.of_token(caller.role, caller.sources, form.get("source"))
    return OpenRequest.lenient(form, now) if caller.role is Role.INTEGRATION else OpenRequest.parse(form)


def _name_of_author(name: Any) -> str:
    try:
        return _NAME.validate_python(as_text(name))
    except ValidationError as error:
        raise malformed(error, "by") from None


def _derived(model: type[BaseModel], helps: dict[str, str], name: str, example: dict[str, Any]) -> type[BaseModel]:
    """Make a model with the fields of another, described, without what the caller does not say, and with `by`."""
    fields: dict[str, Any] = {}
    for field_name, field in model.model_fields.items():
        if field_name not in _NOT_SENT:
            described = copy(field)
            described.description = helps.get(field_name)
            if issubclass(model, Command) and field_name not in OUTGOING.get(name_of(model), ()):
                described.metadata = [_LONG if one == _SHORT else one for one in described.metadata]
            fields[field_name] = (field.annotation, described)
    example = {field: value for field, value in example.items() if field not in _NOT_SENT or field == "by"}
    config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [example]})
    parent = OpenBodyBase if model in (OpenRequest, Reply) else BaseModel
    base: type[BaseModel] = type(f"{name}Base", (parent,), {"model_config": config, "__module__": __name__})
    derived: type[BaseModel] = create_model(
        name, __base__=base, __doc__=model.__doc__, **fields, by=(Name | None, None)
    )
    derived.model_fields["by"].description = BY
    derived.model_rebuild(force=True)
    return derived


def reply_fields(body: BaseModel, caller: Caller) -> dict[str, Any]:
    """Return what a body says that carries a customer's words. Raises Refused (`malformed`) for a person's that is
    wrong, and for a program's that does not say well who speaks."""
    assert isinstance(body, OpenBodyBase)
    if wrong := {name: "there is no such field" for name in body._form if name in _NOT_SENT - {"by"}}:
        raise Refused("malformed", "; ".join(f"{name}: {why}" for name, why in wrong.items()), fields=wrong)
    if caller.role is Role.INTEGRATION:
        return reply_of(body._form)
    if body._fault is not None:
        raise malformed(body._fault, model=Reply) from None
    return sent_fields(body)


def sent_fields(body: BaseModel) -> dict[str, Any]:
    """Return what a body says, and nothing that it does not."""
    return body.model_dump(mode="json", exclude_unset=True)
