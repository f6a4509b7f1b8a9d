"""A rule has one home: the file of `domain/` whose first line names its number.

Other docstrings may name a rule in parentheses; only its home begins with it.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import get_args

import pytest

from domain.aggregate.aggregate import Aggregate
from domain.aggregate.command import Command, name_of
from domain.incident import commands as incident_commands
from domain.incident.aggregate import INCIDENT
from domain.incident.aggregate import RULES as INCIDENT_RULES
from domain.incident.deadline_kinds import Kind as IncidentKind
from domain.incident.events import IncidentBody
from domain.ticket import commands as ticket_commands
from domain.ticket.aggregate import RULES as TICKET_RULES
from domain.ticket.aggregate import TICKET
from domain.ticket.deadline_kinds import Kind as TicketKind
from domain.ticket.events import Body
from tests.support.root import ROOT

NUMBER = r"[CGF]\d+"
BEGINS = re.compile(rf"({NUMBER}(?:(?:, | and ){NUMBER})*)[:.]")
NOT_BUILT: set[str] = set()


def _docstrings() -> Iterator[tuple[str, bool, str]]:
    """Every docstring of the domain: its file, whether it is the file's own, its words."""
    for path in sorted((ROOT / "domain").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (words := ast.get_docstring(node)):
                yield str(path.relative_to(ROOT)), isinstance(node, ast.Module), words


def _named_first(words: str) -> list[str]:
    found = BEGINS.match(words)
    return re.findall(NUMBER, found[1]) if found else []


HOMES: dict[str, set[str]] = defaultdict(set)
for _file, _own, _words in _docstrings():
    if _own:
        for _rule in _named_first(_words):
            HOMES[_rule].add(_file)


def test_each_rule_has_one_home() -> None:
    assert {rule: sorted(files) for rule, files in HOMES.items() if len(files) > 1} == {}


def test_only_its_home_begins_with_the_number_of_a_rule() -> None:
    elsewhere = [
        (file, rule)
        for file, own, words in _docstrings()
        for rule in _named_first(words)
        if not own and file not in HOMES[rule]
    ]
    assert elsewhere == []


def test_every_rule_of_support_has_a_home() -> None:
    read = (ROOT / "docs" / "how-we-read-the-tables.md").read_text(encoding="utf-8")
    rules = set(re.findall(rf"^- \*\*({NUMBER})\*\*", read, re.MULTILINE))
    assert rules - set(HOMES) - NOT_BUILT == set()


@pytest.mark.parametrize(
    ("aggregate", "commands", "internal"),
    [
        (TICKET, ticket_commands.BY_NAME, {"effect_done", "effect_failed"}),
        (INCIDENT, incident_commands.BY_NAME, {"effect_done", "effect_failed", "told"}),
    ],
)
def test_every_command_belongs_to_a_rule(
    aggregate: Aggregate, commands: dict[str, type[Command]], internal: set[str]
) -> None:
    assert {name_of(kind) for kind in aggregate.commands} == set(commands) | internal


@pytest.mark.parametrize(("rules", "body"), [(TICKET_RULES, Body), (INCIDENT_RULES, IncidentBody)])
def test_every_event_is_defined_in_a_rule(rules: tuple[object, ...], body: object) -> None:
    union = get_args(body)[0]
    homes = {rule.__name__ for rule in rules}  # type: ignore[attr-defined]
    assert {kind.__name__ for kind in get_args(union) if kind.__module__ not in homes} == set()


@pytest.mark.parametrize(("rules", "kinds"), [(TICKET_RULES, TicketKind), (INCIDENT_RULES, IncidentKind)])
def test_every_kind_of_deadline_lapses_in_one_rule(rules: tuple[object, ...], kinds: type) -> None:
    claimed = [kind for rule in rules for kind in rule.RULE.lapses]  # type: ignore[attr-defined]
    assert sorted(claimed) == sorted(kinds)


def test_two_rules_cannot_claim_the_same_command() -> None:
    rule = TICKET_RULES[1].RULE
    twice = Aggregate(
        noun="twice", facts=(), refusal=lambda *_: Command(), rules=[rule, rule],
        event=TICKET.event, begins_with=Command, begin=lambda *_: None, workflow_id=str,
        ended=bool, offered=(), recipients=lambda _: {}, audiences=lambda _: {},
    )  # fmt: skip
    with pytest.raises(ValueError, match="two rules claim"):
        _ = twice.commands
