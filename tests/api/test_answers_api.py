"""The answers API: searched with a publishable key, and what came of it."""

from typing import Any

import pytest

from domain.core.enums import Role
from services.knowledge.help_keys import make_key
from services.knowledge.importing import import_folder
from store import help_sessions, journal
from store.tables.knowledge import HelpSessionRow
from tests.support.knowledge import KB
from tests.support.served_api import Api, a_form

EXPORT = "troubleshooting/reports/export-error"


@pytest.fixture(scope="module")
def key(api: Api) -> str:
    """A key for the pages of one origin."""
    import_folder(api.db, KB)
    return make_key(api.db, "website", ["https://www.example.com"], api.db.clock.now()).key


def visit(api: Api, session: str) -> HelpSessionRow:
    with api.db.session() as found:
        row = found.get(HelpSessionRow, session)
    assert row is not None
    return row


async def search(api: Api, key: str, query: str, **more: Any) -> dict[str, Any]:
    answer = await api.get("/api/v1/answers", params={"q": query} | more, token=key)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_searched_opened_helped_is_a_session_that_is_solved(api: Api, key: str) -> None:
    found = await search(api, key, "export error, I am bob@example.com")
    assert found["results"][0]["article"] == EXPORT
    session = found["session"]

    again = await search(api, key, "export", session=session)
    assert again["session"] == session
    read = (await api.get("/api/v1/answers/article", params={"article": EXPORT, "session": session}, token=key)).json()
    assert (read["title"], read["session"]) == ("An export ends with an error", session)
    helped = {"session": session, "article": EXPORT, "helped": True}
    assert (await api.post("/api/v1/answers/helped", helped, token=key)).status_code == 204

    assert (visit(api, session).helped_by, visit(api, session).channel) == (EXPORT, "website")
    with api.db.session() as found_session:
        tried = help_sessions.tried(found_session, session)
    assert list(tried.queries) == ["export error, i am [e-mail address removed]", "export"]


async def test_a_word_about_an_article_that_was_not_opened_is_refused(api: Api, key: str) -> None:
    session = (await search(api, key, "dark mode"))["session"]
    for named in (session, "f" * 32, "nothing"):
        said = {"session": named, "article": "faq/dark-mode", "helped": True}
        assert (await api.post("/api/v1/answers/helped", said, token=key)).status_code == 404
    assert visit(api, session).helped_at is None


async def test_a_ticket_of_a_session_carries_it_once_however_often_it_is_sent(api: Api, key: str) -> None:
    session = (await search(api, key, "too many requests"))["session"]
    form = {
        "session": session, "email": "ada@example.com", "subject": "429 all day", "screen": "settings/api",
        "version": "4.12", "error": "HTTP 429", "once": session,
    }  # fmt: skip
    first = await api.post("/api/v1/answers/ticket", form, token=key)
    second = await api.post("/api/v1/answers/ticket", form, token=key)

    assert (first.status_code, first.json()["created"], second.json()["created"]) == (201, True, False)
    ticket = first.json()["ticket"]
    assert second.json()["ticket"] == ticket == visit(api, session).ticket_id
    with api.db.session() as found:
        texts = journal.texts(found, ticket)
    assert texts["1.searched"] == "Searched for: too many requests"
    assert texts["1.description"] == "Screen: settings/api\nVersion: 4.12\nError: HTTP 429"
    assert (await search(api, key, "429", session=session))["session"] != session  # it has ended


async def test_what_a_bot_has_tried_is_a_step_taken_g3(api: Api) -> None:
    tried = ["Asked for the month: October only.", "Had them export each currency by itself."]
    form = a_form(tried=tried, transcript="Bot: which month?\nCustomer: October.", subject="Export fails")
    del form["source"]
    answer = await api.post("/api/v1/tickets", form, role=Role.BOT)
    assert answer.status_code == 201, answer.text

    with api.db.session() as session:
        ticket = journal.load(session, answer.json()["ticket"])
        texts = journal.texts(session, answer.json()["ticket"])
    assert ticket is not None
    assert [texts[ref] for ref in ticket.fields["steps_taken"].refs] == tried
    assert texts["1.transcript"].startswith("Bot: which month?")


async def test_a_key_opens_the_answers_and_nothing_else_and_only_for_pages_of_its_origins(api: Api, key: str) -> None:
    asked = {"params": {"q": "export"}, "token": key}
    assert (await api.get("/api/v1/tickets", token=key)).status_code == 401
    elsewhere = await api.get("/api/v1/answers", headers={"Origin": "https://elsewhere.example"}, **asked)
    assert elsewhere.status_code == 401
    home = await api.get("/api/v1/answers", headers={"Origin": "https://www.example.com"}, **asked)
    assert (home.status_code, home.headers["Access-Control-Allow-Origin"]) == (200, "*")
    asks_first = await api.ask("OPTIONS", "/api/v1/answers", role=None, headers={"Origin": "https://www.example.com"})
    assert (asks_first.status_code, asks_first.headers["Access-Control-Allow-Methods"]) == (204, "GET, POST")

    with api.db.begin() as session:
        assert help_sessions.revoke_key(session, key, api.db.clock.now())
    assert (await api.get("/api/v1/answers", **asked)).status_code == 401


async def test_playbooks_are_no_articles(api: Api) -> None:
    playbook = {"article": "playbooks/export-fails"}
    assert (await api.get("/api/v1/answers/article", params=playbook)).status_code == 404
