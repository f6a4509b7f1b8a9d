"""Every command that a person may give has a form on the desk."""

import re
from collections.abc import Iterable

from domain.aggregate.aggregate import Aggregate
from domain.core.enums import Role
from domain.incident.aggregate import INCIDENT
from domain.ticket.aggregate import TICKET
from tests.support.root import ROOT
from web.forms import forms_for, label_of
from web.ticket_view import ACTS

TEMPLATES = ROOT / "web" / "templates"
PEOPLE = set(Role) - {Role.BOT, Role.INTEGRATION, Role.SYSTEM, Role.CUSTOMER}
OF_INCIDENTS = re.compile(r"act\('(\w+)'|'(\w+)' in forms")


def of_people(noun: Aggregate[object]) -> set[str]:
    """The commands that a role of people may give."""
    return {name for role in PEOPLE for name in forms_for(list(noun.offered), role, noun)}


def named(pattern: re.Pattern[str], templates: Iterable[str]) -> set[str]:
    """The commands for which templates have a form."""
    texts = [(TEMPLATES / name).read_text(encoding="utf-8") for name in templates]
    return {name for text in texts for found in pattern.finditer(text) for name in found.groups() if name}


def test_every_command_to_a_ticket_has_a_form() -> None:
    templates = [one.name for one in TEMPLATES.glob("ticket*.html")]
    placed = named(re.compile(r"'(\w+)' in forms"), templates)
    assert placed | set(ACTS) == of_people(TICKET)
    assert placed & set(ACTS) <= {"identify"}, "a command has one place"


def test_every_command_to_an_incident_has_a_form() -> None:
    assert named(OF_INCIDENTS, ["incident.html"]) == of_people(INCIDENT)


def test_a_rating_is_offered_to_whoever_the_ticket_takes_it_from() -> None:
    """G9."""
    given = {role for role in PEOPLE if forms_for(["rate"], role)}
    assert given == {Role.LEAD, Role.OPS, Role.ADMIN}


def test_no_form_speaks_in_the_spelling_of_programs() -> None:
    """A person reads words: `steps_taken` is for the API and the command line."""
    for noun in (TICKET, INCIDENT):
        forms = forms_for(list(noun.offered), Role.LEAD, noun)
        read = {f"{form.name}.{one.name}": f"{one.label} {one.help}" for form in forms.values() for one in form.fields}
        read |= {form.name: form.says for form in forms.values()}
        assert {name: said for name, said in read.items() if re.search("[`_]", said)} == {}


def test_a_refusal_names_a_field_as_the_form_does() -> None:
    assert label_of("kb_article", "resolve") == "article of the knowledge base"
    assert label_of("steps_taken", "escalate") == "steps taken"
    assert label_of("bug_report.actual", "escalate") == "actual"


def test_people_are_not_asked_what_only_a_program_may_say() -> None:
    """G12: a person's word to the customer is a response, never a public note."""
    (note,) = forms_for(["note"], Role.LEAD).values()
    assert [one.name for one in note.fields] == ["text"]
