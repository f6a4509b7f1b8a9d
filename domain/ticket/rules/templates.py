"""F9: reply templates. A message that was made of a template has no gap left, and a line that its sender wrote.

A template is text with gaps: `{{ticket}}` is filled with what the ticket has, any other name is for the agent to fill,
and `{{personal line}}` stands once, where the agent writes something that is said to this customer only. What still has
a gap, or has no personal line, is refused as `template_gap`. The reply's event names its template, and how much of the
template's own words its sender changed.
"""

import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from math import ceil
from typing import Annotated, NamedTuple

from pydantic import Field, StringConstraints

from domain.aggregate.rule import Rule
from domain.core.enums import Channel
from domain.core.input_types import Short, Storable
from domain.core.refusal import Refused
from domain.core.text import has_text, one_line
from domain.core.values import Frozen
from domain.ticket.rules.evidence import Evidenced
from domain.ticket.state import Ticket

PERSONAL = "personal line"
"""The name of the gap for what the agent writes."""
SHORTEST_LINE = 10
"""Letters and digits that a personal line has at least: "Hi Sam," is none."""
LONGEST_LINE = 2_000
LONGEST_TEMPLATE = 5_000
MOST_GAPS = 20
_GAP = re.compile(r"\{\{[ \t]*([A-Za-z][A-Za-z0-9 _-]{0,39}?)[ \t]*\}\}")
_BRACES = re.compile(r"\{\{[^\n]{0,40}")
_ANY_GAP = "{{}}"
_WORD = re.compile(r"\w+|\{\{\}\}")

FROM_TICKET = ("ticket", "account", "subject", "priority", "category", "product area", "issue", "fix versions", "agent")
"""The gaps that are filled with what the ticket has, where it has it."""

TemplateName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
PersonalLine = Annotated[str, StringConstraints(max_length=LONGEST_LINE), Storable]
TemplateBody = Annotated[str, StringConstraints(max_length=LONGEST_TEMPLATE), Storable]
Percent = Annotated[int, Field(ge=0, le=100)]


MESSAGES = {"respond": "text", "wait": "question"}
"""The commands whose message may be made of a template, each with the field that holds it."""


class Template(Frozen):
    """A reply template. It belongs to a situation, a channel, a language and a tone."""

    name: TemplateName
    situation: Short
    """When it fits, in a line."""
    channel: Channel | None = None
    """None: any."""
    language: Short = "en"
    tone: Short = ""
    body: TemplateBody


class Templated(Evidenced):
    """A command with a message to the customer that may be made of a template."""

    template: Short = ""
    """The template that the message was made of."""
    personal_line: PersonalLine = ""
    """What the sender wrote for this customer. It stands in the message."""
    edited: Percent | None = None
    """How much of the template the sender changed (`edited_percent`). The service fills it in, for it knows the
    template."""


def gaps(text: str) -> list[str]:
    """Return the names of the gaps of a text, each once, in their order."""
    return list(dict.fromkeys(_name(found[1]) for found in _GAP.finditer(text)))


def fill(text: str, values: Mapping[str, str]) -> str:
    """Fill the gaps that `values` names and says something for. What is filled in is not looked at again: a gap in it
    is text."""

    def filled(found: re.Match[str]) -> str:
        value = values.get(_name(found[1]), "")
        return value if has_text(value) else found[0]

    return _GAP.sub(filled, text)


class Piece(NamedTuple):
    """A stretch of a template."""

    text: str
    gap: str
    """The name of the gap that it is; empty for what is said as it stands."""


def pieces(text: str) -> list[Piece]:
    """Return a text cut at its gaps, for a page that marks them."""
    found, place = [], 0
    for one in _GAP.finditer(text):
        found += [Piece(text[place : one.start()], ""), Piece(one[0], _name(one[1]))]
        place = one.end()
    return [piece for piece in (*found, Piece(text[place:], "")) if piece.text]


def compose(text: str, values: Mapping[str, str], personal_line: str) -> str:
    """Return a message: its gaps filled with what the agent gave, and the personal line in its place, or before
    everything where the agent has removed that place."""
    line = personal_line.strip()
    if has_text(line) and PERSONAL not in gaps(text) and not _is_in(line, text):
        text = f"{{{{{PERSONAL}}}}}\n\n{text}"
    return fill(text, {**values, PERSONAL: line})


def values_of(ticket: Ticket, subject: str, agent: str) -> dict[str, str]:
    """Return what a ticket has for the gaps of a template. Braces of the customer's subject are no gap of ours."""
    issue = ticket.issue
    return {
        "ticket": ticket.id,
        "account": ticket.account.id,
        "subject": one_line(subject.replace("{{", "{ {"), 200),
        "priority": ticket.priority.value,
        "category": ticket.category.value,
        "product area": ticket.product_area.replace("{{", "{ {"),
        "issue": issue.key if issue else "",
        "fix versions": ", ".join(issue.fix_versions) if issue else "",
        "agent": agent,
    }


def check_message(command: Templated, text: str) -> None:
    """Refuse a message of a template that still has a gap, or no personal line. Raises Refused (`template_gap`)."""
    if not command.template:
        return
    lacking = [] if _is_personal(command.personal_line, text) else [PERSONAL]
    lacking += [name for name in gaps(text) if name not in lacking]
    if lacking:
        message = f"the message of template {command.template} lacks: {', '.join(lacking)}"
        raise Refused("template_gap", message, missing=lacking)


def check_own_words(command: Templated, body: str) -> None:
    """Refuse a personal line that is the template's own. `body` is the template's. Raises Refused (`template_gap`)."""
    if has_text(command.personal_line) and _is_in(command.personal_line, body):
        message = f"the personal line is what template {command.template} says anyway: write one of your own"
        raise Refused("template_gap", message, missing=[PERSONAL])


def edited_percent(body: str, text: str, personal_line: str) -> int:
    """Return how much of a template a message changed: the words that were taken out or put in, in percent of the
    template's own words; 0 if none was, 100 at most.

    The personal line is no change, nor is what stands where a gap was, nor punctuation and white space.
    """
    said = " ".join(text.split()).replace(" ".join(personal_line.split()), " ", 1)
    template, message = _tokens(body), _WORD.findall(said)
    own = sum(token != _ANY_GAP for token in template)
    changed = 0
    for kind, first, last, start, end in SequenceMatcher(None, template, message).get_opcodes():
        if kind != "equal":
            gone = [token for token in template[first:last] if token != _ANY_GAP]
            is_filled = len(gone) < last - first
            changed += len(gone) if is_filled else max(len(gone), end - start)
    return min(100, ceil(100 * changed / max(1, own)))


def check_template(template: Template) -> None:
    """Refuse a template that could not be used. Raises Refused (`malformed`)."""
    faults = {} if has_text(template.situation) else {"situation": "say when it fits"}
    body, marks = template.body, _GAP.findall(template.body)
    wrong = _BRACES.findall(_GAP.sub("", body))
    if [_name(one) for one in marks].count(PERSONAL) != 1:
        faults["body"] = f"{{{{{PERSONAL}}}}} stands in it once: where the agent writes what is for this customer only"
    elif len(set(map(_name, marks))) > MOST_GAPS:
        faults["body"] = f"it has at most {MOST_GAPS} gaps"
    elif wrong:
        faults["body"] = f"a gap is written as {{{{name}}}}, with letters, digits and spaces: {one_line(wrong[0], 40)}"
    elif not has_text(_GAP.sub("", body)):
        faults["body"] = "it says nothing but its gaps"
    if faults:
        listed = "; ".join(f"{name}: {why}" for name, why in faults.items())
        raise Refused("malformed", listed, fields=faults)


def _tokens(body: str) -> list[str]:
    """Return a template as its words; each gap for an agent or a ticket to fill is one of them."""
    without_line = _GAP.sub(lambda found: " " if _name(found[1]) == PERSONAL else f" {_ANY_GAP} ", body)
    return _WORD.findall(without_line)


def _name(written: str) -> str:
    return " ".join(written.lower().replace("_", " ").split())


def _is_personal(line: str, text: str) -> bool:
    """Return whether a line says something, and stands in the text."""
    return not gaps(line) and sum(char.isalnum() for char in line) >= SHORTEST_LINE and _is_in(line, text)


def _is_in(line: str, text: str) -> bool:
    """Return whether a line stands in a text, however both are broken into lines."""
    return " ".join(line.split()) in " ".join(text.split())


RULE = Rule[Ticket]()
