"""Forms of commands, made from the one definition of each command: its fields, and what a filled form says.

A field that is left empty is not said, as everywhere (G3: absent is not empty).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import AwareDatetime, BaseModel

from domain.aggregate.aggregate import Aggregate
from domain.aggregate.command import RATERS, Command, description_of, name_of
from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.ticket.aggregate import TICKET
from domain.ticket.rules.package_fields import BugReport, BusinessImpact, Package
from services.field_help import COMMAND_HELPS, HELPS
from web.gate import Form
from web.instants import HELP, instant_of

_NOT_ASKED = frozenset(
    {
        "do",
        "by",
        "role",
        "id",
        "received",
        "terms",
        "occurred",
        "source",
        "account",
        "seen",
        "template",
        "personal_line",
        "edited",
        "unread",
        "survey",
        "public",
    }
)
"""Fields of commands that the session, our clock and the policy say; evidence (C12) and a public note (G12) are a
program's to give."""
LONG = frozenset({
    "text", "question", "message", "what_was_done", "root_cause", "customer_reason", "reason",
    "comment", "win", "status", "impact", "doing", "workaround", "summary", "description",
})  # fmt: skip
"""Fields that get a box of several lines."""
_MEANT = {"wait": {"agreed": "until"}}
"""Command -> a flag that is no field of its form: who fills in another field means it, as that field's label says."""
_LABELS = {
    "wait.question": "question",
    "wait.until": "until, as agreed with the customer",
    "wait.reason": "promised for then",
    "promise.fix": "it is the fix of the issue",
    "respond.text": "message",
    "reply.text": "what they said",
    "reply.customer": "who of the customer",
    "solved.text": "what they wrote with it",
    "end.how": "how it ended there",
    "end.into": "merged into",
    "rate.csat": "how satisfied they are",
    "rate.effort": "how easy it was, 1 to 7",
    "resolve.message": "message to the customer",
    "resolve.kb_article": "article of the knowledge base",
    "resolve.kb_reason": "why there is no article",
    "resolve.win": "worth telling the team",
    "take.over": "although somebody else holds it",
    "take.override": "although its turn has not come",
    "assign.over": "although somebody else holds it",
    "assign.override": "although its turn has not come",
    "release.over": "although somebody else holds it",
    "note.text": "note",
    "step.text": "what was done",
    "reply.automatic": "a machine of the customer's wrote it",
    "escalate.force": "without the package",
    "escalate.override": "past the community",
    "refer.text": "message to the customer",
    "tell_engineering.text": "message to engineering",
    "ask.text": "question",
    "answer.text": "answer",
    "promise.text": "what was promised",
    "follow_up.text": "what you will do",
    "keep.released": "the customer no longer wants it",
    "keep.text": "how it went",
    "attend.text": "what you found",
    "identify.text": "how",
    "retry.new": "make a new issue instead",
    "retry.let_go": "do without it instead",
    "leave.own": "it is a problem of its own",
    "open.account": "account",
}
"""Labels of fields that say more than the field's name."""
_HELPS = {
    "resolve.message": "",
    "wait.reason": "",
    "wait.question": "",
    "resolve.what_was_done": "",
    "resolve.win": "What you learnt, or what went well: the report of the week lists it. Customers never see it.",
    "resolve.kb_reason": 'Write "gap" to begin a draft of the article that is missing.',
    "escalate.to": "The tier; the next one, if left empty.",
    "assign.to": "Who is to take it.",
    "ask.to": "A person or a team.",
    "take.over": "",
    "assign.over": "",
    "release.over": "",
    "take.override": "A lead's right: a Free ticket past the community, with a reason; or beyond the ticket limit.",
    "assign.override": "A lead's right: a Free ticket past the community, with a reason; or beyond the ticket limit.",
    "escalate.force": "A lead's right: from Tier 1 to Tier 2, with a reason.",
    "escalate.override": "A lead's right: a ticket of a Free account, with a reason.",
    "keep.released": "",
    "communications.to": "Who writes to customers from now on.",
}
"""Where the label and the command say enough, or a form can say it better than a manual."""
_NAMED = re.compile(r"`([^`]+)`")
_WHO = {"rate": RATERS}
"""Command -> the roles that may give it, where the ticket asks for more than the command's own roles (G9)."""
Kind = Literal["line", "box", "choice", "flag", "list", "number", "instant"]


class FormField(NamedTuple):
    """A field as a form asks for it."""

    name: str
    """Its name in the form: `fields.bug_report.summary` is a part of a part."""
    label: str
    help: str
    kind: Kind
    choices: tuple[str, ...] = ()


class CommandForm(NamedTuple):
    """A command as a form."""

    name: str
    says: str
    """The command's own description."""
    fields: tuple[FormField, ...]


@cache
def form_of(name: str, noun: Aggregate[Any] = TICKET) -> CommandForm:
    """Return the form of a command to a ticket, or to another `noun`. Raises KeyError for what is no command of
    people."""
    kind = noun.offered[name]
    says = _plain(description_of(kind)).removesuffix(".")
    return CommandForm(name, says, tuple(_fields_of(kind, COMMAND_HELPS[noun.noun])))


def label_of(name: str, command: str) -> str:
    """Return what the form of a command calls a field, which a refusal names."""
    last = name if " " in name else name.rpartition(".")[2].replace("_", " ")  # a gap of a template has spaces
    return _LABELS.get(f"{command}.{name}", last)


def _plain(text: str) -> str:
    """Return a help without the marks and the spelling of names: what reads `steps_taken` becomes steps taken."""
    return _NAMED.sub(lambda found: found[1].replace("_", " "), text)


def forms_for(allowed: list[str], role: Role, noun: Aggregate[Any] = TICKET) -> dict[str, CommandForm]:
    """Return the forms of the commands that fit the ticket, or other `noun`, now and that a role may give, by name."""
    mine = {name for kind in noun.offered.values() if role in _WHO.get(name := name_of(kind), kind.who)}
    return {name: form_of(name, noun) for name in allowed if name in mine}


def payload_of(form: CommandForm, filled: Form, zone: tzinfo = UTC) -> dict[str, Any]:
    """Return what a filled form says, as a command's payload. Instants are in the person's `zone`.

    Raises Refused (`malformed`).
    """
    payload: dict[str, Any] = {}
    for field in form.fields:
        value = _value(field, filled, zone)
        if value is not None:
            _put(payload, field.name.split("."), value)
    return payload | {flag: True for flag, field in _MEANT.get(form.name, {}).items() if field in payload}


def _fields_of(kind: type[Command], helps: Mapping[str, str]) -> list[FormField]:
    found = []
    command = name_of(kind)
    for name, info in kind.model_fields.items():
        if name in _NOT_ASKED or name in _MEANT.get(command, {}):
            continue
        if name == "fields":
            found += package_fields()
        else:
            field, place = _field(name, name, info.annotation, helps), f"{command}.{name}"
            help_ = _HELPS.get(place, "" if name == "text" else field.help)
            found.append(field._replace(label=_LABELS.get(place, field.label), help=_plain(help_)))
    return found


def model_fields(
    model: type[BaseModel], names: Iterable[str], helps: Mapping[str, str], *, prefix: str = ""
) -> list[FormField]:
    """Return these fields of a model as a form asks for them, each with `prefix` before its name in the form."""
    return [_field(f"{prefix}{name}", name, model.model_fields[name].annotation, helps) for name in names]


def package_fields() -> list[FormField]:
    """Return the fields of the hand-off packages (G3, G4), parts of parts included."""
    found = []
    for name in Package.model_fields:
        if name == "bug_report":
            for part, info in BugReport.model_fields.items():
                found.append(_field(f"fields.bug_report.{part}", part, info.annotation, HELPS, box=True))
        elif name == "business_impact":
            found.append(FormField("fields.business_impact.text", "business impact", "", "box"))
            arr = "The yearly revenue at stake: an amount, 0, or unknown."
            found.append(FormField("fields.business_impact.arr", "revenue at stake", arr, "line"))
        else:
            found.append(FormField(f"fields.{name}", name.replace("_", " "), HELPS.get(name, ""), "box"))
    return found


assert set(BusinessImpact.model_fields) == {"text", "arr"}


def _field(place: str, name: str, annotation: Any, helps: Mapping[str, str], *, box: bool = False) -> FormField:
    kind, choices = _kind(annotation)
    if kind == "line" and (box or name in LONG):
        kind = "box"
    help_ = HELP if kind == "instant" else helps.get(name, "")
    return FormField(place, name.replace("_", " "), help_, kind, choices)


def _kind(annotation: Any) -> tuple[Kind, tuple[str, ...]]:
    """Return how a field of this type is asked for."""
    if get_origin(annotation) is Annotated:
        return _kind(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return _kind(next(one for one in get_args(annotation) if one is not NoneType))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "choice", tuple(str(member.value) for member in annotation)
    if get_origin(annotation) is Literal:
        return "choice", tuple(str(one) for one in get_args(annotation))
    if annotation is bool:
        return "flag", ()
    if annotation is int:
        return "number", ()
    if annotation in (datetime, AwareDatetime):
        return "instant", ()
    if get_origin(annotation) is tuple:
        return "list", ()
    return "line", ()


def _value(field: FormField, filled: Form, zone: tzinfo) -> Any:
    text = filled.text(field.name)
    match field.kind:
        case "flag":
            return True if text else None
        case "number":
            if text.strip() and not text.strip().isdecimal():
                raise Refused("malformed", f"{field.label}: a number", fields={field.name: "a number"})
            return int(text) if text.strip() else None
        case "instant":
            return _instant(field, text, zone) if text.strip() else None
        case "list":
            return [part.strip() for part in text.split(",") if part.strip()] or None
        case _:
            return text if text.strip() else None


def _instant(field: FormField, text: str, zone: tzinfo) -> str:
    """Return the instant that somebody has typed, with its zone."""
    try:
        return instant_of(text, datetime.now(zone)).isoformat()
    except ValueError:
        message = "a day and a time, such as tomorrow 9:00 or 2026-12-01 9:00"
        raise Refused("malformed", f"{field.label}: {message}", fields={field.name: message}) from None


def _put(payload: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        payload = payload.setdefault(part, {})
    payload[path[-1]] = value
