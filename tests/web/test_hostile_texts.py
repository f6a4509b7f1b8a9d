"""Whatever somebody writes into any field is text on every page of the desk, and nothing else.

The fields are found in the models of the commands: a field that is new is written into at once, and the test says
which command nobody gives yet.
"""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page
from temporalio.client import Client

from domain.aggregate.command import Command
from domain.core.enums import Role
from domain.core.text import strip_invisible
from domain.incident.aggregate import INCIDENT
from domain.ticket.aggregate import TICKET
from domain.ticket.commands import FACTS
from domain.ticket.rules.tracker_link import IssueUpdate
from domain.ticket.state import workflow_id
from services import account_notes, reply_templates
from services.drafts import keep_draft
from services.examples import EXAMPLES, OPEN_EXAMPLE
from services.intake.plain_text import plain, plain_line
from services.intake.request import OpenRequest
from services.security.auth import Caller
from store.drafts import Whose
from tests.support.desk_browser import sign_in
from tests.support.desk_pages import pages
from tests.support.free_texts import FreeText, free_texts, put
from tests.support.hostile import HOSTILE
from tests.support.knowledge import places_of
from tests.support.packages import T3_PACKAGE
from tests.support.policy_lab import id_of_a_trial
from tests.support.served_api import Api
from tests.support.surveys import answer_survey, closed_ticket, token_of
from tests.support.temporal_ui import CHROMIUM
from tests.support.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]

ALL = "\n".join(HOSTILE)
SHORT = "\"'><img src=x onerror=alert(1)>{{7*7}}\u202e<svg/onload=alert(1)>"
"""For a field of a hundred characters."""
MADE = """() => [...document.querySelectorAll("*")].filter((one) =>
    [...one.attributes].some((a) => a.name.startsWith("on") || a.name.startsWith("hx-on") || a.name === "srcdoc"
        || (["href", "src", "action", "formaction", "data", "xlink:href"].includes(a.name)
            && /^\\s*(javascript|data):|elsewhere/i.test(a.value)))
    || one.matches("body script, body style, body link, body base, body meta, body iframe, body object, body math")
).map((one) => one.outerHTML.slice(0, 200))"""
"""Finds elements that no template of ours has."""
SAID = """() => {
    const copy = document.documentElement.cloneNode(true);
    for (const one of copy.querySelectorAll("textarea, datalist")) one.remove();
    const all = [...document.querySelectorAll("*")];
    const names = all.flatMap((one) => [one.title ?? "", one.getAttribute("aria-label") ?? ""]);
    return [[copy.textContent, ...names].join(" "), all.map((one) => one.value ?? "").join(" ")];
}"""
"""Reads all text of a page, also of panels that are closed and of titles; and apart from it what its fields hold: a
field holds what was typed, letter by letter."""

NOT_FREE = {
    "terms": "the service fills them in, from the policy",
    "source": "one of the sources that a token is bound to",
    "known_by": "one of the ways that intake knows",
    "template": "names a template",
    "personal_line": "stands in the message, which is written into",
    "hide.message": "names a message",
    "end.into": "names a ticket",
    "resolve.parent": "names a ticket",
    "open.parent": "names a ticket",
    "open.help_session": "names a visit of the help centre",
    "join.ticket": "names a ticket",
    "leave.ticket": "names a ticket",
    "identify": "the policy of these tests asks for no checks: see test_identity_panel.py",
    **dict.fromkeys(
        ("request_refund", "approve_refund", "refuse_refund", "withdraw_refund"),
        "refunds are of billing tickets: see test_refund_pages.py",
    ),
    "open.message": "an agent's to write: it is written into where an agent opens a ticket",
    "open.by": "names who writes: the customer's id is written into by their reply",
    "replace_terms.account.zone": "a zone that there is",
    "replace_terms.account.region": "a region that there is",
    "jira_changed.key": "an issue's key",
    "jira_changed.was": "an issue's key",
    "jira_changed.duplicate_of": "an issue's key",
    "jira_changed.assignee": "the tracker's id of a person",
}
"""Fields, or all fields of a command, that hold no text of somebody's own: why."""
ON_NO_PAGE = {
    "open.external_id": "only the API has it",
    "resolve.link": "only the API has it",
    "jira_changed.url": "it leads nowhere unless it is an address of the web",
}
"""Fields that are written into and that no page shows: why."""
FREE_OF_HTML: dict[str, Callable[[str], str]] = {
    "open.subject": plain_line, "open.description": plain, "reply.subject": plain_line, "reply.text": plain,
}  # fmt: skip
"""Fields in which a customer's mail program may send HTML: intake makes plain text of it, and that is shown."""


def as_shown(text: str) -> str:
    """A text without what a browser does not show: white space beside white space, and what is invisible."""
    return " ".join(strip_invisible(text).split())


class Written:
    """What was written, field by field, with what a page must show of it."""

    def __init__(self) -> None:
        self.expected: dict[str, list[str]] = {}
        self._numbers = count(100)

    def into(self, command: str, model: Any, payload: dict[str, Any], *, besides: frozenset[str]) -> dict[str, Any]:
        """Return a payload of a command with a hostile text in each of its free fields."""
        filled = dict(payload)
        for field in free_texts(model):
            name = f"{command}.{'.'.join(field.path)}"
            if field.path[0] in besides or {command, name, field.path[0]} & set(NOT_FREE):
                continue
            put(filled, field, self.text(name, field))
        return filled

    def text(self, name: str, field: FreeText, *, gaps: bool = True) -> str:
        """A hostile text for a field, which begins with a word of its own. `gaps`: it may have double braces."""
        word = f"zq{next(self._numbers)}qz"
        text = f"{word} {ALL}" if len(ALL) + 10 <= field.longest else f"{word} {SHORT}"
        text = text if gaps else text.replace("{{", "((")
        self.expected.setdefault(name, []).append(as_shown(FREE_OF_HTML.get(name, str)(text)))
        return text


OF_EVERY = frozenset(Command.model_fields) | {"unread"}
"""What every command carries: who gives it, and when; and what the service says of a reply that it has read."""
GIVEN_TO_TICKETS: list[tuple[str, Role, dict[str, Any]]] = [
    ("take", Role.AGENT, {}), ("release", Role.AGENT, {}), ("take", Role.AGENT, {}), ("respond", Role.AGENT, {}),
    ("note", Role.AGENT, {}), ("step", Role.AGENT, {}), ("attach", Role.AGENT, {}), ("fill", Role.AGENT, {}),
    ("ask", Role.AGENT, {}), ("answer", Role.AGENT, {"question": 1}), ("ask", Role.AGENT, {}),
    ("promise", Role.AGENT, {"due": "in 2 h"}), ("keep", Role.AGENT, {"promise": 1}),
    ("promise", Role.AGENT, {"due": "in 2 h"}), ("attention", Role.CSM, {}), ("attend", Role.LEAD, {}),
    ("attention", Role.CSM, {}), ("prioritise", Role.AGENT, {}), ("amend", Role.AGENT, {}),
    ("wait", Role.AGENT, {"until": "in 2 h", "agreed": True}), ("reply", Role.INTEGRATION, {}),
    ("escalate", Role.AGENT, {"to": "T2"}), ("return", Role.AGENT, {}), ("replace_terms", Role.LEAD, {}),
    ("assign", Role.AGENT, {}),
]  # fmt: skip
"""What is given to one ticket, one after the other: the command, in which role, and what the example does not say."""
GIVEN_TO_INCIDENTS = (
    "acknowledge", "update", "approve", "join", "leave", "join", "severity", "action", "update", "hand_over",
    "communications", "mitigate", "resolve", "review_done",
)  # fmt: skip


class Seeds:
    """Writes hostile texts into everything, through the API."""

    def __init__(self, api: Api, temporal: Client) -> None:
        self.api = api
        self.temporal = temporal
        self.written = Written()
        self.given: set[str] = set()
        self.tickets: list[str] = []

    async def open(self, role: Role = Role.INTEGRATION, *, besides: frozenset[str] = frozenset(), **more: Any) -> str:
        example = {name: value for name, value in OPEN_EXAMPLE.items() if name != "source"} | more
        form = self.written.into("open", OpenRequest, example, besides=besides | {"external_id"})
        form |= {"source": "test", "external_id": uuid4().hex} if role is Role.INTEGRATION else {}
        answer = await self.api.post("/api/v1/tickets", form, role=role)
        assert answer.status_code == 201, answer.text
        ticket = str(answer.json()["ticket"])
        self.tickets.append(ticket)
        return ticket

    async def give(self, noun: Any, base: str, command: str, role: Role, **more: Any) -> None:
        """Give a command, with a hostile text in each of its free fields."""
        self.given.add(f"{noun.noun}.{command}")
        example = {name: value for name, value in EXAMPLES[noun.noun][command].items() if name not in ("by", "role")}
        payload = self.written.into(command, noun.offered[command], example | more, besides=OF_EVERY)
        for name, value in payload.items():
            if value == "in 2 h":
                payload[name] = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
        answer = await self.api.post(f"{base}/{command}", payload, role=role)
        assert answer.status_code == 200, (command, answer.text)

    async def to_ticket(self, ticket: str, command: str, role: Role = Role.AGENT, **more: Any) -> None:
        await self.give(TICKET, f"/api/v1/tickets/{ticket}", command, role, **more)


async def _of_one_ticket(seeds: Seeds) -> str:
    ticket = await seeds.open(priority="P3")
    for command, role, more in GIVEN_TO_TICKETS:
        await seeds.to_ticket(ticket, command, role, **more)
    return ticket


async def _with_engineering(seeds: Seeds) -> str:
    """A ticket with an issue, of which the tracker has told."""
    ticket = await seeds.open(priority="P2")
    await seeds.to_ticket(ticket, "escalate", to="T2")
    await seeds.to_ticket(ticket, "escalate", to="T3", fields=T3_PACKAGE)

    async def key() -> str:
        shown = (await seeds.api.get(f"/api/v1/tickets/{ticket}")).json()
        return str((shown["links"]["jira"] or {}).get("key", ""))

    fact = {"key": await until(key, "the ticket has its issue"), "category": "indeterminate"}
    fact |= {"by": "jira", "role": "integration", "version": datetime.now(UTC).isoformat()}
    said = seeds.written.into("jira_changed", IssueUpdate, fact, besides=OF_EVERY)
    said["url"] = "javascript:alert(1)"
    await seeds.temporal.get_workflow_handle(workflow_id(ticket)).signal("jira_changed", said)
    await seeds.to_ticket(ticket, "tell_engineering")
    return ticket


async def _ended(seeds: Seeds) -> None:
    ticket = await seeds.open()
    await seeds.to_ticket(ticket, "take")
    await seeds.to_ticket(ticket, "resolve")
    await seeds.to_ticket(ticket, "reopen")
    await seeds.to_ticket(ticket, "resolve")
    await seeds.to_ticket(ticket, "rate", Role.LEAD)
    await seeds.to_ticket(ticket, "follow_up", due="in 2 h")
    await seeds.to_ticket(await seeds.open(), "solved", Role.LEAD)
    free = await seeds.open(account={"id": "of-a-free-plan", "plan": "free"}, besides=frozenset({"account"}))
    await seeds.to_ticket(free, "refer")
    late = await seeds.open(opened_at=(datetime.now(UTC) - timedelta(days=9)).isoformat())
    await seeds.to_ticket(late, "waive", Role.LEAD, metric="first_response")
    by_an_agent = OpenRequest.model_fields.keys() - {"message"}
    given = await seeds.open(Role.AGENT, besides=frozenset(by_an_agent), channel="phone")
    assert given


async def _surveyed(seeds: Seeds) -> str:
    """The survey of a closed ticket, which its customer has answered."""
    ticket = await closed_ticket(seeds.api, subject=ALL)
    said = seeds.written.text("rate.comment", FreeText(("comment",), 2000, many=False))
    assert (await answer_survey(seeds.api, ticket, 2, said)).status_code == 303
    return token_of(ticket)


async def _incidents(seeds: Seeds, member: str) -> list[str]:
    rooms = []
    for commands in (GIVEN_TO_INCIDENTS, ("cancel",)):
        opener = seeds.api.token(Role.LEAD, name=f"opener-{uuid4().hex[:6]}")  # one person opens a few only (G6)
        area = f"area {uuid4().hex[:6]} {SHORT}"
        declared = await seeds.api.post("/api/v1/incidents", {"product_area": area, "priority": "P1"}, token=opener)
        assert declared.status_code in (200, 201), declared.text
        number = str(declared.json()["incident"])
        rooms.append(number)

        async def is_open(room: str = number) -> bool:
            return bool((await seeds.api.get(f"/api/v1/incidents/{room}")).status_code == 200)

        await until(is_open, "the incident is on record")
        for command in commands:
            named = {"ticket": member} if command in ("join", "leave") else {}
            await seeds.give(INCIDENT, f"/api/v1/incidents/{number}", command, Role.LEAD, **named)
    return rooms


async def _around(seeds: Seeds, ticket: str) -> dict[str, str]:
    """Writes into what is no command: templates, notes, drafts, names of people. Returns what addresses name."""
    text, db = seeds.written, seeds.api.db
    line = FreeText(("line",), 200, many=False)
    box = FreeText(("box",), 2000, many=False)
    name = f"hostile-{uuid4().hex[:8]}"
    situation, tone = (text.text(f"template.{part}", line) for part in ("situation", "tone"))
    body = text.text("template.body", box, gaps=False) + " {{personal line}}"
    made = reply_templates.make({"name": name, "situation": situation, "tone": tone, "body": body})
    reply_templates.save(db, made, by=text.text("person.name", line), role=Role.LEAD)
    shown = (await seeds.api.get(f"/api/v1/tickets/{ticket}")).json()
    account = str(shown["account"]["id"])
    lead = Caller(token_id="any", actor=text.text("note.by", line), role=Role.LEAD)
    note = text.text("note.text", box)
    await asyncio.to_thread(account_notes.add, db, lead, account, uuid4().hex, note, datetime.now(UTC))
    keep_draft(db, Whose(ticket, "lead-1", "respond"), {"text": text.text("draft.text", box)}, "once")
    return {"{name}": name, "{account:path}": quote(account, safe="")}


class Seeded:
    """What was written, and every page that may show it."""

    def __init__(self, seeds: Seeds, addresses: list[str]) -> None:
        self.seeds = seeds
        self.addresses = addresses


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seeded(api: Api, temporal_dev: Client) -> Seeded:
    """Hostile texts in everything."""
    seeds = Seeds(api, temporal_dev)
    first = await _of_one_ticket(seeds)
    second = await _with_engineering(seeds)
    await _ended(seeds)
    rooms = await _incidents(seeds, first)
    places = await _around(seeds, first) | {"{ticket}": first, "{incident}": rooms[0]}
    places["{trial}"] = await id_of_a_trial(api, "")
    places["{token}"] = await _surveyed(seeds)
    places |= places_of(api.db, SHORT)
    typed = quote(HOSTILE[3] + HOSTILE[5], safe="")
    addresses = [
        *pages(places),
        *(f"/desk/tickets/{ticket}" for ticket in seeds.tickets[1:]),
        f"/desk/tickets/{second}/escalate",
        f"/desk/tickets/{second}/resolve?kb_article={typed}&resolution={typed}",
        f"/desk/incidents/{rooms[1]}",
        "/desk/incidents?ended=yes",
        *(f"/desk/queue?view={view}" for view in ("T1", "T2", "T3", "attention", "customer", "breached", typed)),
        *(f"/desk/{page}/{typed}" for page in ("tickets", "incidents", "accounts", "templates", "nothing")),
        f"/desk/search?q={typed}&ticket={typed}",
        f"/desk/sign-in?next={typed}&code={typed}",
        f"/desk/loop?issue={typed}",
        f"/desk/tickets/{first}/forecast?priority={typed}",
    ]
    return Seeded(seeds, addresses)


def test_a_hostile_text_is_given_with_every_command(seeded: Seeded) -> None:
    offered = {f"{noun.noun}.{name}" for noun in (TICKET, INCIDENT) for name in noun.offered}
    none_free = {
        f"{noun.noun}.{name}"
        for noun in (TICKET, INCIDENT)
        for name, model in noun.offered.items()
        if name in NOT_FREE
        or not [
            field
            for field in free_texts(model)
            if field.path[0] not in OF_EVERY and not {field.path[0], f"{name}.{field.path[0]}"} & set(NOT_FREE)
        ]
    }
    assert offered - seeded.seeds.given - none_free == set(), "give it in GIVEN_TO_TICKETS, or say in NOT_FREE why not"
    assert IssueUpdate in FACTS


async def _read(page: Page, address: str, faults: dict[str, Any]) -> str:
    """Open a page; note what is wrong with it; return its text."""
    await page.goto(address, wait_until="domcontentloaded")
    said, typed = await page.evaluate(SAID)
    if made := await page.evaluate(MADE):
        faults[address] = made
    elif hidden := [letter for letter in set(said) if letter != strip_invisible(letter)]:
        faults[address] = f"invisible: {hidden!r} at {said[max(0, said.index(hidden[0]) - 60) :][:80]!r}"
    return as_shown(f"{said} {typed}")


async def test_what_somebody_writes_is_text_on_every_page_and_makes_no_element(
    api: Api, running: Browser, seeded: Seeded
) -> None:
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    elsewhere: list[str] = []
    person.context.on("request", lambda one: None if one.url.startswith(api.url) else elsewhere.append(one.url))
    page = await person.tab("/desk")
    faults: dict[str, Any] = {}
    shown = " ".join([await _read(page, api.url + one, faults) for one in seeded.addresses])
    assert not faults, "\n".join(f"{address}: {found}" for address, found in faults.items())
    assert elsewhere == []
    assert person.trouble == []
    nowhere = {
        name
        for name, texts in seeded.seeds.written.expected.items()
        if name not in ON_NO_PAGE and not any(text in shown for text in texts)
    }
    assert not nowhere, f"no page shows {sorted(nowhere)}: show it, or say in ON_NO_PAGE why not"


async def test_the_palette_shows_what_it_finds_as_text(api: Api, running: Browser, seeded: Seeded) -> None:
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    page = await person.tab("/desk/queue")
    await page.keyboard.press("Control+k")
    word = seeded.seeds.written.expected["open.subject"][0].split()[0]
    await page.keyboard.type(word)
    await page.locator("#palette [role=option]", has_text=seeded.seeds.tickets[0]).wait_for()
    assert await page.evaluate(MADE) == []
    assert person.trouble == []
