"""What is sent, as models of its own: the definitions of the core, without what the token and the front door say."""

from copy import copy
from typing import Any

from pydantic import BaseModel, ConfigDict, create_model, model_validator

from domain.core.input_types import Name
from domain.ticket import commands as c
from services.field_help import FORM_HELPS, HELPS, INCIDENT_HELPS
from services.incidents import DeclareRequest
from services.intake.request import OpenRequest, without_blanks

_OF_THE_DOOR = frozenset({"do", "by", "role", "id", "received", "terms"})
"""Said by the path, the token, the `Idempotency-Key` and our own clock; terms are resolved from the policy."""
BY = "Whose words they are. Only an integration may name somebody else; otherwise the token says it."

T2_PACKAGE = {
    "steps_taken": "Cleared the cache; tried another browser.",
    "customer_impact": "Nobody in finance can close the month.",
    "reproduction_steps": "1. Open Reports. 2. Export as CSV.",
    "logs_or_screenshots": {"absent": "no_logs", "reason": "It fails before logging starts."},
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "take": {},
    "respond": {"text": "We are looking into it."},
    "note": {"text": "Same account as last week."},
    "step": {"text": "Cleared the cache: no change."},
    "attach": {"text": "https://files.example.com/trace.txt"},
    "fill": {"fields": {"customer_impact": "Nobody in finance can close the month."}},
    "wait": {"question": "Which browser do you use?"},
    "reply": {"text": "Firefox.", "by": "acme"},
    "escalate": {"to": "T2", "fields": T2_PACKAGE},
    "return": {"reason": "The steps are for another version."},
    "refer": {"link": "https://community.example.com/t/42"},
    "resolve": {
        "resolution": "solved",
        "message": "The export works again.",
        "what_was_done": "Rebuilt the index.",
        "root_cause": "A stale index.",
        "kb_article": "KB-17",
    },
    "reopen": {"reason": "It is back."},
    "close": {},
    "prioritise": {"priority": "P1", "reason": "All users are affected."},
    "amend": {"category": "billing", "tags": ["invoice", "vat"]},
    "tell_engineering": {"text": "It also happens on the staging system."},
    "waive": {"metric": "resolution", "reason": "Agreed with the customer."},
    "retry": {},
    "replace_terms": {"reason": "Upgraded today.", "account": {"id": "acme", "plan": "premium"}},
    "rate": {"csat": 5},
}
"""A body that each command takes."""

INCIDENT_EXAMPLES: dict[str, dict[str, Any]] = {
    "acknowledge": {"comment": "Looking at the database."},
    "mitigate": {"comment": "Traffic is on the other site."},
    "update": {
        "status": "We found it.",
        "impact": "No exports.",
        "doing": "Rolling back.",
        "workaround": "Export by mail.",
    },
    "approve": {"update": 1},
    "hand_over": {"to": "ben"},
    "communications": {"to": "eve"},
    "join": {"ticket": "4k7m-3q9x-tbd2"},
    "leave": {"ticket": "4k7m-3q9x-tbd2", "reason": "Another cause."},
    "severity": {"priority": "P0", "reason": "All regions now."},
    "resolve": {"comment": "It was DNS."},
    "cancel": {"reason": "A false alarm."},
    "action": {"text": "Alert on the queue length.", "owner": "ben", "due": "2026-12-01T09:00:00+01:00"},
    "review_done": {"summary": "The disk filled for a week, and nobody was told."},
    "retry": {},
}
"""A body that each command of an incident takes."""

DECLARE_EXAMPLE: dict[str, Any] = {"product_area": "API", "priority": "P0"}

OPEN_EXAMPLE: dict[str, Any] = {
    "source": "web-form",
    "external_id": "7c1f",
    "account": {"id": "acme", "plan": "standard"},
    "channel": "in-app",
    "category": "bug",
    "priority": "P2",
    "product_area": "reports",
    "subject": "Export fails",
    "description": "Since this morning every export ends with error 500.",
}


def command_body(kind: type[c.Command]) -> type[BaseModel]:
    """The body of a command: its own fields, and `by` for integrations."""
    name = kind.model_fields["do"].default
    return _derived(kind, _OF_THE_DOOR, HELPS, f"{kind.__name__}Body", EXAMPLES.get(name, {}), by=(Name | None, None))


def incident_body(kind: type[c.Command]) -> type[BaseModel]:
    """The same for a command of an incident."""
    example = INCIDENT_EXAMPLES.get(kind.model_fields["do"].default, {})
    return _derived(kind, _OF_THE_DOOR, INCIDENT_HELPS, f"Incident{kind.__name__}Body", example, by=(Name | None, None))


def declaring_body() -> type[BaseModel]:
    """The body that declares an incident."""
    without = frozenset({"role", "by"})
    return _derived(DeclareRequest, without, INCIDENT_HELPS, "DeclareBody", DECLARE_EXAMPLE, by=(Name | None, None))


def needs_something(body: type[BaseModel]) -> bool:
    """Whether an empty body is not enough."""
    return any(field.is_required() for field in body.model_fields.values())


def opening_body() -> type[BaseModel]:
    """The body that opens a ticket: the form (G11), without the role."""
    return _derived(
        OpenRequest, frozenset({"role", "by"}), FORM_HELPS, "OpenBody", OPEN_EXAMPLE, by=(Name | None, None)
    )


def _derived(
    model: type[BaseModel],
    without: frozenset[str],
    helps: dict[str, str],
    name: str,
    example: dict[str, Any],
    **more: Any,
) -> type[BaseModel]:
    """A model with the fields of another, described, and no unknown ones."""
    fields: dict[str, Any] = {}
    lenient: dict[str, Any] = {"said": model_validator(mode="before")(without_blanks)} if model is OpenRequest else {}
    for field_name, field in model.model_fields.items():
        if field_name not in without:
            described = copy(field)
            described.description = helps.get(field_name)
            fields[field_name] = (field.annotation, described)
    config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [example]})
    derived: type[BaseModel] = create_model(
        name, __config__=config, __doc__=model.__doc__, __validators__=lenient, **fields, **more
    )
    derived.model_fields["by"].description = BY
    derived.model_rebuild(force=True)
    return derived


def said(body: BaseModel) -> dict[str, Any]:
    """What a body says, and nothing that it does not."""
    return body.model_dump(mode="json", exclude_unset=True)
