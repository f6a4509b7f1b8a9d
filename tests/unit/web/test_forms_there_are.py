"""Every command that a person may give has a form on the desk."""

import re
from collections.abc import Iterable

from domain.aggregate.aggregate import Aggregate
from domain.core.enums import Role
from domain.incident.aggregate import INCIDENT
from domain.ticket.aggregate import TICKET
from tests.support.root import ROOT
from web.forms import forms_for
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
