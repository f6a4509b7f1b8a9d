"""A form as other programs fill it in: what only describes never keeps a ticket out.

A field that cannot be read is taken as not said, and its name and value stand on the ticket for people to see. What
says which ticket it is, whose it is and who speaks is never guessed: without it, the form is refused at once.
"""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Any

from pydantic import ValidationError

from domain.aggregate.command import STAFF
from domain.core.enums import Category, Channel, Health, Plan, Priority
from domain.core.text import has_text, one_line
from domain.ticket.commands import Reply
from domain.ticket.rules.classification import Impact, Urgency

NEVER_GUESSED = frozenset({"source", "external_id", "account", "account.id", "by", "role", ""})
"""Fields without which nobody knows which ticket it is, whose it is, or who speaks."""
NEVER_GUESSED_OF_WORDS = frozenset({"by", "role", "id"})
"""The same of a customer's words."""
NO_TEXT = "(no text)"
"""What stands for a message of the customer's that says nothing."""
WORDS: Mapping[str, type[StrEnum]] = {
    "channel": Channel,
    "category": Category,
    "priority": Priority,
    "impact": Impact,
    "urgency": Urgency,
    "account.plan": Plan,
    "account.health": Health,
}
"""Fields that have one of some words, whatever their capitals."""
WORDS_OF_PEOPLE = frozenset({"subject", "description", "attachments"})
"""Texts, which are kept in whatever shape they come: a list as lines, an object as its values by name."""
DEEPEST = 20
"""Lists and objects within each other that are read."""
MOST_TAGS, MOST_FORM = 50, 50
SHOWN = 100
"""Characters of a value that could not be read that are shown."""


def tidied(form: dict[str, Any]) -> dict[str, Any]:
    """Return a form with its words in their own spelling, and its numbers as text where text is expected."""
    account = form.get("account")
    tidy: dict[str, Any] = {name: _tidy(name, value) for name, value in form.items()}
    if isinstance(account, dict):
        tidy["account"] = {name: _tidy(f"account.{name}", value) for name, value in account.items()}
    elif isinstance(account, str | int) and not isinstance(account, bool):
        tidy["account"] = {"id": account}
    if form.get("role") not in STAFF and isinstance(message := tidy.pop("message", None), str | list | dict):
        # Only one of ours writes to the customer: of anybody else, it is another name for what they wrote.
        tidy["description"] = "\n\n".join(filter(None, (tidy.get("description"), in_lines(message))))
    if isinstance(tags := tidy.get("tags"), str):
        tidy["tags"] = [tag for tag in (part.strip() for part in tags.split(",")) if tag]
    elif isinstance(tags, list | tuple):
        tidy["tags"] = [as_text(tag) for tag in tags]
    if isinstance(inner := tidy.get("form"), dict):
        tidy["form"] = {str(name): as_text(value) for name, value in inner.items()}
    return tidy


def _tidy(name: str, value: Any) -> Any:
    if name in WORDS_OF_PEOPLE and isinstance(value, list | dict):
        return in_lines(value)
    if name in WORDS and isinstance(value, str):
        plain = value.strip().casefold()
        return next((word.value for word in WORDS[name] if word.value.casefold() == plain), value)
    return (
        value
        if name in ("opened_at", "account.arr", "account.fee", "priority_guessed", "automatic")
        else as_text(value)
    )


def as_text(value: Any) -> Any:
    """Return a number as text: many systems number what others name."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)  # some systems have no other numbers
    return str(value) if isinstance(value, int | float) else value


def in_lines(value: Any, depth: int = 0) -> str:
    """Return what a list or an object says, a line for each part; what says nothing is left out, and so is what lies
    deeper than `DEEPEST`."""
    if value is None or depth > DEEPEST:
        return ""
    if isinstance(value, dict):
        parts = [(str(name), in_lines(part, depth + 1)) for name, part in value.items()]
        return "\n".join(f"{name}: {text}" for name, text in parts if text)
    if isinstance(value, list):
        return "\n".join(filter(None, (in_lines(part, depth + 1) for part in value)))
    return str(as_text(value))


def without(form: dict[str, Any], error: ValidationError) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a form without the fields that `error` found wrong, and what these said, by their names.

    Raises `error` itself where one of them is never guessed.
    """
    unread: dict[str, str] = {}
    kept = dict(form)
    for fault in error.errors(include_url=False, include_context=False):
        place = [part for part in fault["loc"] if not str(part).startswith(("function-", "tagged-"))]
        name = ".".join(str(part) for part in place[:2]) if place and place[0] == "account" else str((*place, "")[0])
        if name in NEVER_GUESSED:
            raise error
        if name == "tags" and isinstance(tags := kept.get("tags"), list) and len(tags) > MOST_TAGS:
            unread["tags"] = f"{len(tags)} tags, of which {MOST_TAGS} are kept"
            kept["tags"] = tags[:MOST_TAGS]
        elif name in ("tags", "form") and len(place) > 1:
            unread |= _drop_part(kept, name, place[1])
        elif name.startswith("account."):
            account = dict(kept["account"])
            unread[name] = short_text(account.pop(name.partition(".")[2], ""))
            kept["account"] = account
        elif name in kept:
            unread[name] = short_text(kept.pop(name))
    if not unread:
        raise error
    if isinstance(tags := kept.get("tags"), list):
        kept["tags"] = [tag for tag in tags if tag is not None]
    return kept, unread


def reply_of(payload: dict[str, Any]) -> dict[str, Any]:
    """Return a customer's words as a program sent them, fit to be a reply: what only describes them keeps no word out.

    A long line is cut; what cannot be read, and what a reply has no field for, is taken as not said, and named in
    `unread`. Who speaks, and about which ticket, is left as it is.
    """
    fields = Reply.model_fields.keys() - {"unread"}
    unread = {name: short_text(value) for name, value in payload.items() if name not in fields}
    kept = {name: value for name, value in payload.items() if name in fields and not _is_blank(value)}
    for name in ("subject", "known_by", "customer"):
        if name in kept:
            kept[name] = one_line(in_lines(kept[name]), 200)
    kept["text"] = in_lines(payload.get("text"))
    if not has_text(kept["text"]):
        kept["text"] = NO_TEXT  # a picture, for one: the customer wrote all the same
    try:
        Reply.model_validate(kept | {"text": "."})
    except ValidationError as error:
        wrong = {str(fault["loc"][0]) for fault in error.errors(include_url=False)} - NEVER_GUESSED_OF_WORDS
        unread |= {name: short_text(kept.pop(name)) for name in sorted(wrong) if name in kept}
    return kept | {"unread": in_short_lines(unread)} if unread else kept


def without_untrusted_instant(payload: dict[str, Any], trusted: Collection[str]) -> dict[str, Any]:
    """Return a customer's words without an instant that does not count (C12): the words do, from when they came."""
    if payload.get("occurred") is None or payload.get("source") in trusted:
        return payload
    kept = {name: value for name, value in payload.items() if name not in ("occurred", "source")}
    unread = in_short_lines({"occurred": f"{payload['occurred']}: it counts from {', '.join(trusted)}"})
    return kept | {"unread": "\n".join(filter(None, (payload.get("unread"), unread)))}


def in_short_lines(unread: Mapping[str, str]) -> str:
    """Return what could not be read as a text with a line for each field."""
    named = list(unread.items())[:MOST_FORM]
    return "\n".join(f"{one_line(name, 40)}: {one_line(value, SHOWN)}" for name, value in named)


def _drop_part(kept: dict[str, Any], name: str, part: Any) -> dict[str, str]:
    held = kept.get(name)
    if isinstance(held, list) and isinstance(part, int) and part < len(held):
        wrong = held[part]
        kept[name] = [*held[:part], None, *held[part + 1 :]]  # in its place, for the places of the others
        return {f"tags {part + 1}": short_text(wrong)}
    if isinstance(held, dict) and part in held:
        kept[name] = {key: value for key, value in held.items() if key != part}
        return {f"form {one_line(str(part), 40)}": short_text(held[part])}
    kept.pop(name, None)
    return {name: short_text(held)}


def _is_blank(value: Any) -> bool:
    return value is None or value == "" or (isinstance(value, str) and not value.strip())


def short_text(value: Any) -> str:
    """Return a value that could not be read, for people: on one line, and cut."""
    return one_line(value if isinstance(value, str) else repr(value), SHOWN) or "(empty)"
