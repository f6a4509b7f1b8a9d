"""Reply templates (F9): read with how each did, previewed on a ticket; written, changed and retired by leads."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import ConfigDict, Field

from api.callers import Person
from api.parts import PartsOf
from api.problems import ALWAYS, WITH_BODY, documented
from api.reading import Readable
from domain.core.enums import Channel
from domain.core.ids import spoken
from domain.core.input_types import Name, Short
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.ticket.rules.templates import Template, TemplateBody
from services import reply_templates as templates
from services.reply_templates import Change, KeptTemplate, Preview, Templates
from services.security.auth import Caller, speak

router = APIRouter(prefix="/api/v1/templates", tags=["templates"], route_class=Readable)

TemplateName = Annotated[str, Path(description="The template's name.", max_length=60)]
Version = Annotated[int, Field(ge=1, le=10**9, description="The version that you looked at, as `version` says it.")]
By = Annotated[Name | None, Field(description="Who does it. The token says so: another name is refused.")]
_EXAMPLE: dict[str, Any] = {
    "name": "works-again",
    "situation": "What was broken works again",
    "body": "Hello,\n\n{{personal line}}\n\nTicket {{ticket}}: it works again from {{when}} on.\n\n{{agent}}",
}


class NewTemplateBody(Template):
    """A new template."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [_EXAMPLE]})

    by: By = None


class EditTemplateBody(Frozen):
    """What is to change of a template. What is left out stays as it is."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"version": 1, "tone": "calm"}]}
    )

    version: Version
    situation: Annotated[Short | None, Field(description="When it fits, in a line.")] = None
    channel: Annotated[Channel | Literal["any"] | None, Field(description="The channel that it is for.")] = None
    language: Annotated[Short | None, Field(description="Its language, such as `en`.")] = None
    tone: Annotated[Short | None, Field(description="Its tone, in a word.")] = None
    body: Annotated[TemplateBody | None, Field(description="Its text, with its gaps.")] = None
    by: By = None


class RetireTemplateBody(Frozen):
    """Whether a template is offered."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"retired": True}]})

    retired: Annotated[bool, Field(description="False: it is offered again.")] = True
    by: By = None


_RETIRED = RetireTemplateBody()


@router.get("", operation_id="read_templates", responses=documented(*ALWAYS))
def read_templates(_: Person, parts: PartsOf) -> Templates:
    """Return all reply templates, 500 at most, with how the replies of each did in the last 90 days (F9)."""
    return templates.listed(parts.db)


@router.post(
    "",
    status_code=201,
    operation_id="add_template",
    responses=documented(*WITH_BODY, "conflict"),
)
def add_template(body: NewTemplateBody, caller: Person, parts: PartsOf, response: Response) -> KeptTemplate:
    """Write a new template. For leads, ops and admins.

    Sent again, word for word, it is the same template; another one of that name is refused as a conflict.
    """
    made = templates.make(body.model_dump(exclude={"by"}))
    kept = templates.save(parts.db, made, by=_by(caller, body.by), role=caller.role)
    response.headers["Location"] = f"{router.prefix}/{kept.name}"
    return kept


@router.get("/{template}", operation_id="read_template", responses=documented(*ALWAYS, "not_found"))
def read_template(template: TemplateName, _: Person, parts: PartsOf) -> KeptTemplate:
    """Return a template, retired or not."""
    return templates.read_template(parts.db, template)


@router.post("/{template}", operation_id="edit_template", responses=documented(*WITH_BODY, "not_found", "conflict"))
def edit_template(template: TemplateName, body: EditTemplateBody, caller: Person, parts: PartsOf) -> KeptTemplate:
    """Change a template. For leads, ops and admins. If somebody changed it meanwhile, that is a conflict."""
    change = Change.model_validate(body.model_dump(exclude={"version", "by"}))
    by = _by(caller, body.by)
    return templates.edit(parts.db, template, change, by=by, role=caller.role, version=body.version)


@router.post(
    "/{template}/retire", operation_id="retire_template", responses=documented(*WITH_BODY, "not_found", "conflict")
)
def retire_template(
    template: TemplateName, caller: Person, parts: PartsOf, body: RetireTemplateBody = _RETIRED
) -> KeptTemplate:
    """Offer a template no more, or again. For leads, ops and admins.

    A template is never deleted: its replies are counted by its name, and one that was begun with it still goes out.
    """
    return templates.retire(parts.db, template, by=_by(caller, body.by), role=caller.role, retired=body.retired)


@router.get("/{template}/preview", operation_id="preview_template", responses=documented(*ALWAYS, "not_found"))
def preview_template(
    template: TemplateName,
    caller: Person,
    parts: PartsOf,
    ticket: Annotated[str | None, Query(max_length=40, description="The ticket's id; none: an example.")] = None,
) -> Preview:
    """Return a template's text with what a ticket fills in. What is left to the agent is named in `gaps`."""
    try:
        known = spoken(ticket) if ticket else None
    except ValueError as error:
        raise Refused("not_found", str(error)) from None
    return templates.preview(parts.db, template, known, caller.actor)


def _by(caller: Caller, named: str | None) -> str:
    """Return who does it. Raises Refused (`not_allowed`) where somebody else is named."""
    by: str = speak(caller, {"by": named})["by"]
    return by
