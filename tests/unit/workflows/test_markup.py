"""Whatever comes from outside is inert where the Temporal UI draws it: no link, no picture, no HTML, no heading.

A Markdown parser, which is none of ours, says so, for tickets and incidents that hold nothing but hostile markup.
"""

import re
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from pydantic import BaseModel

from domain.documents.markdown import inert, linked
from domain.incident.aggregate import INCIDENT
from domain.incident.state import Effect as IncidentEffect
from domain.incident.state import Incident, Member, Page
from domain.ticket.state import Debt, Effect, IncidentLink, IssueLink, Route, Ticket
from tests.support.incident_case import declared
from tests.support.ticket_case import in_tier
from workflows.incident import rendering as incident_rendering
from workflows.ticket import rendering

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<b>bold</b><!-- -->",
    "![pic](http://127.0.0.1:9/t.png)",
    "[click me](http://evil.example/login)",
    "[click me][1]",
    "<http://evil.example/>",
    "http://evil.example/login",
    "HTTPS://evil.example",
    "www.evil.example",
    "ada@evil.example",
    "mailto:ada@evil.example",
    "`[a](http://evil.example)`",
    "``` [a](http://evil.example) ```",
    "\\`<b>x</b>",
    "a `` b ` <i>c</i>",
    "&#60;b&#62; &lt;i&gt; http&#58;//evil.example",
    "x\n\n# heading\n\n[1]: http://evil.example\n\n<script>alert(1)</script>",
    "x\r\n- **SLA** breached\u2028a\u2029b",
    "**bold** _it_ ~~gone~~ | cell |",
    "\u202e<b>\u200bx\u0000</b>",
    "`" * 120 + "<b>x</b>",
    "x" * 119 + "`<b>x</b> http://evil.example",
]
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
ADDRESS = re.compile(r"://|www\.|@|mailto:|xmpp:", re.IGNORECASE)
"""What GitHub's Markdown makes a link of by itself, wherever it stands in words."""


def live(markdown: str) -> list[str]:
    """What of it is more than words, emphasis of ours and lists."""
    found: list[str] = []
    for token in _tokens(PARSER.parse(markdown)):
        if token.type == "text" and ADDRESS.search(token.content):
            found.append(f"address {token.content}")
        if token.type == "link_open" and str(token.attrs["href"]).startswith("https://jira.example/browse/SUP-"):
            continue
        if token.type in (
            "link_open",
            "image",
            "html_inline",
            "html_block",
            "s_open",
            "em_open",
            "table_open",
            "fence",
        ):
            found.append(f"{token.type} {token.content or token.attrs}")
    return found


def headings(markdown: str) -> int:
    return sum(token.type == "heading_open" for token in _tokens(PARSER.parse(markdown)))


def _tokens(tokens: list[Token]) -> list[Token]:
    return [inner for token in tokens for inner in (token, *_tokens(token.children or []))]


def hostile(value: Any, word: str, declared_as: Any = str) -> Any:
    """The value with `word` in the place of every text in it that is not one of a fixed set.

    The address of an issue stays: that it is a link is what it is for (`linked` has a test of its own).
    """
    if isinstance(value, BaseModel):
        fields = {
            name: getattr(value, name)
            if name.endswith("url")
            else hostile(getattr(value, name), word, field.annotation)
            for name, field in type(value).model_fields.items()
        }
        return type(value).model_construct(**fields)
    if isinstance(value, tuple):
        return tuple(hostile(one, word, (*get_args(declared_as), str)[0]) for one in value)
    if isinstance(value, str) and not isinstance(value, Enum) and not _is_fixed(declared_as):
        return word
    return value


def _is_fixed(declared_as: Any) -> bool:
    """Whether a field takes only words that we chose."""
    if get_origin(declared_as) in (Union, UnionType):
        return any(_is_fixed(one) for one in get_args(declared_as))
    return get_origin(declared_as) is Literal or (isinstance(declared_as, type) and issubclass(declared_as, Enum))


def full_ticket() -> Ticket:
    """A ticket that has something to show in every line."""
    ticket = in_tier("T1").ticket
    more: dict[str, Any] = {
        "assignee": "x", "parent": "x", "account_unknown": True, "product_area": "x",
        "route": Route(team="x", agent="x", why=("x", "x")),
        "issue": IssueLink(
            key="x", url="https://jira.example/browse/SUP-1", kind="bug", category="done", status="x", resolution="x",
            assignee="x", fix_versions=("x", "x"), duplicate_of="x",
        ),
        "incident": IncidentLink(number=7, draft=1),
        "debt": Debt(due=ticket.opened_at),
        "pending_effects": (Effect(key="x", kind="jira_bug", seq=1, since=ticket.opened_at, failed=True),),
    }  # fmt: skip
    return ticket.model_copy(update=more)


def full_incident() -> Incident:
    """An incident that has something to show in every line."""
    incident = declared("P0").incident
    at = incident.declared_at
    more: dict[str, Any] = {
        "product_area": "x", "commander": "x", "communications": "x", "unanswered": True,
        "issue_key": "x", "issue_url": "https://jira.example/browse/SUP-1", "review_due": at, "steps_paged": 0,
        "next_page": at, "review_key": "x", "review_url": "https://jira.example/browse/SUP-2",
        "pages": (Page(key="x", dedup_key="x", audience="x"), Page(key="x", dedup_key="x")),
        "tickets": (Member(ticket="x", effect_key="x", at=at, since=at, owes=("x",)),),
        "pending_effects": (IncidentEffect(key="x", kind="issue", seq=1, since=at, failed=True),),
    }  # fmt: skip
    return incident.model_copy(update=more)


def shown_of_ticket(word: str) -> list[str]:
    ticket = hostile(full_ticket(), word)
    return [rendering.summary(ticket), rendering.origin(ticket), rendering.details(ticket)]


def shown_of_incident(word: str) -> list[str]:
    incident = hostile(full_incident(), word)
    deadline = INCIDENT.next_deadline(incident)
    assert deadline is not None
    return [incident_rendering.details(incident), deadline.summary]


def lines(shown: list[str]) -> list[int]:
    return [len(one.splitlines()) for one in shown]


def test_the_parser_finds_what_is_live() -> None:
    """The control: that nothing is found is not because nothing ever is."""
    dead = [
        word
        for word in HOSTILE
        if not live(f"- **Assignee** {word}") and not headings(word) and len(word.splitlines()) == 1
    ]
    assert dead == ["[click me][1]", "`[a](http://evil.example)`", "``` [a](http://evil.example) ```"]


@pytest.mark.parametrize("word", HOSTILE)
def test_nothing_of_a_ticket_is_live_in_the_temporal_ui(word: str) -> None:
    for markdown in shown_of_ticket(word):
        assert live(markdown) == []
    assert lines(shown_of_ticket(word)) == lines(shown_of_ticket("x"))
    summary, origin, details = shown_of_ticket(word)
    assert (headings(summary), headings(origin), headings(details)) == (0, 0, 2)


@pytest.mark.parametrize("word", HOSTILE)
def test_nothing_of_an_incident_is_live_in_the_temporal_ui(word: str) -> None:
    details, deadline = shown_of_incident(word)
    assert live(details) == []
    assert live(deadline) == []
    assert lines([details, deadline]) == lines(shown_of_incident("x"))
    assert headings(details) == 3  # its own: title, pages, tickets


def test_every_line_is_there_to_be_looked_at() -> None:
    """The control: the word stands in each line that shows something from outside."""
    summary, origin, details = shown_of_ticket("<b>")
    assert "`<b>`" in summary
    assert origin.count("`<b>`") == 6
    named = ("### ", "- **Assignee**", "- **Team**", "- **Jira**", "- contract", "- target")
    assert all("`<b>`" in line for line in details.splitlines() if line.startswith(named))
    details, deadline = shown_of_incident("<b>")
    named = ("### ", "- **Commander**", "- **Next**", "- **Jira**", "- **Review", "- **Packages", "- `")
    found = [line for line in details.splitlines() if line.startswith(named)]
    assert len(found) >= 9
    assert all("<b>" in line for line in found)
    assert "`<b>`" in deadline


def test_an_issue_is_a_link_only_where_its_address_can_be_nothing_else() -> None:
    assert linked("ENG-1", "https://jira.example/browse/ENG_X-1") == "[ENG-1](https://jira.example/browse/ENG_X-1)"
    assert linked("ENG-1", "javascript:alert(1)") == "ENG-1"
    assert linked("ENG-1", "https://jira.example/) [x](http://evil.example") == "ENG-1"
    assert linked("ENG-1", None) == "ENG-1"
    assert (
        linked("](http://evil.example)", "https://jira.example/") == "[`](http://evil.example)`](https://jira.example/)"
    )


def test_plain_words_stay_as_they_are() -> None:
    for word in ("acme", "u-1877", "Ada Lovelace", "area_billing", "Z\u00fcrich", "ticket-4k7m-3q9x-tbd2"):
        assert inert(word) == word
    assert inert("4.13") == "`4.13`"
    assert inert("") == ""


@given(st.text(st.sampled_from("`<>[]()!&#:/.@w_*~|\\ \n\u200bab"), max_size=40))
def test_no_mix_of_marks_is_live(word: str) -> None:
    assert live(f"- **Assignee** {inert(word)} and {inert(word)} ({inert(word)})") == []
