"""F7: the survey's page: who can answer, what is recorded and what is not, and how it looks to a customer."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import cycle
from pathlib import Path

import pytest
import pytest_asyncio
import requests
from playwright.async_api import Browser, expect
from temporalio.client import Client

from domain.core.enums import Role
from services import survey
from store import erasure, journal
from tests.support.desk_visitor import Visitor, form_of
from tests.support.hostile import HOSTILE
from tests.support.served_api import Api, an_api
from tests.support.surveys import LINKS, SURVEYS, answer_survey, closed_ticket, token_of
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS

ROOT = Path(__file__).parents[2]
SCANS = 1000
"""Fetches of mail scanners."""


def ratings(api: Api, ticket: str) -> list[tuple[int, str, str, str]]:
    """What was recorded: score, comment, who, in which role."""
    with api.db.session() as session:
        return [
            (body.csat, entry.event.texts.get("comment", ""), entry.event.actor.id, entry.event.actor.role.value)
            for entry in journal.timeline(session, ticket)
            if (body := entry.event.body).type == "rated"
        ]


async def test_f7_a_customer_answers_changes_the_answer_and_the_journal_has_both(api: Api) -> None:
    ticket = await closed_ticket(api, subject="Export of jane.doe@example.com fails")
    token = token_of(ticket)
    answer = await answer_survey(api, ticket, 4, "Quick.", token=token)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/survey/{token}?thanks")
    page = await Visitor(api).get(answer.headers["Location"])
    assert "Thank you" in page.text
    assert "Quick." in page.text
    assert re.search(r'value="4" required checked', page.text)
    assert "jane.doe" not in page.text
    assert (await answer_survey(api, ticket, 5, "Quick, and right.")).status_code == 303
    assert [one[:2] for one in ratings(api, ticket)] == [(4, "Quick."), (5, "Quick, and right.")]
    assert {one[3] for one in ratings(api, ticket)} == {"customer"}


async def test_f7_the_same_form_sent_again_is_the_same_answer(api: Api) -> None:
    ticket = await closed_ticket(api)
    for _ in range(3):
        assert (await answer_survey(api, ticket, 3, once="the-same")).status_code == 303
    assert len(ratings(api, ticket)) == 1


async def test_f7_an_older_form_sent_again_does_not_take_back_the_answer_after_it(api: Api) -> None:
    ticket = await closed_ticket(api)
    for csat, form in ((2, "first"), (5, "second"), (2, "first")):
        assert (await answer_survey(api, ticket, csat, once=form)).status_code == 303
    assert [one[0] for one in ratings(api, ticket)] == [2, 5]
    assert survey.read(api.db, ticket).csat == 5


async def test_f7_a_thousand_fetches_of_mail_scanners_leave_no_trace(api: Api) -> None:
    ticket = await closed_ticket(api)
    address = f"{api.url}/survey/{token_of(ticket)}"
    before = survey.scores(api.db, "all", 28, datetime.now(UTC)).all

    def scan() -> set[int]:
        """Open the link as scanners do: by GET and HEAD, also with what a form would send."""
        seen = set()
        with requests.Session() as scanner:
            scanner.trust_env = False
            ways = cycle([("GET", ""), ("HEAD", ""), ("GET", "?score=1"), ("HEAD", "?csat=1&once=x&comment=x")])
            for method, more in (next(ways) for _ in range(SCANS)):
                seen.add(scanner.request(method, address + more, timeout=60).status_code)
        return seen

    assert await asyncio.to_thread(scan) == {200}
    assert ratings(api, ticket) == []
    assert survey.scores(api.db, "all", 28, datetime.now(UTC)).all.rated == before.rated
    assert (await answer_survey(api, ticket, 5)).status_code == 303, "the customer can still answer"


async def test_f7_other_methods_record_nothing(api: Api) -> None:
    ticket = await closed_ticket(api)
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = await api.ask(method, f"/survey/{token_of(ticket)}", role=None, data={"csat": "1"})
        assert answer.status_code == 405
    assert ratings(api, ticket) == []


async def test_f7_a_link_that_is_not_ours_is_over_or_of_an_erased_person_opens_nothing(api: Api) -> None:
    ticket, visitor = await closed_ticket(api), Visitor(api)
    good = token_of(ticket)
    over = LINKS.token(ticket, datetime.now(UTC) - timedelta(days=30))
    forged = good[:-1] + ("a" if good[-1] != "a" else "b")
    for token, status in ((forged, 404), ("nothing", 404), (over, 410)):
        assert (await visitor.get(f"/survey/{token}")).status_code == status
        assert (await visitor.post(f"/survey/{token}", {"csat": "1", "once": "x"})).status_code == status
    with api.db.begin() as session:
        erasure.erase(session, ticket, at=datetime.now(UTC), actor="ada", reason="asked", scope="ticket")
    assert (await visitor.get(f"/survey/{good}")).status_code == 404
    assert (await visitor.post(f"/survey/{good}", {"csat": "1", "once": "x"})).status_code == 404
    assert ratings(api, ticket) == []


@pytest.mark.parametrize("csat", ["", "0", "6", "4.5", "five", "1&2"])
async def test_f7_what_is_no_score_is_asked_for_again_with_what_was_typed(api: Api, csat: str) -> None:
    ticket = await closed_ticket(api)
    address = f"/survey/{token_of(ticket)}"
    page = await Visitor(api).post(address, {"csat": csat, "comment": "My words.", "once": "x"})
    assert page.status_code == 422
    assert "Please choose one of the five." in page.text
    assert "My words." in page.text
    assert ratings(api, ticket) == []


@pytest_asyncio.fixture(loop_scope="session")
async def asking(api: Api, temporal_dev: Client, shared_database: str, tmp_path: Path) -> AsyncIterator[Api]:
    """The same Tierline by an API whose policy says `effort_question = true`."""
    assert api
    policy = tmp_path / "policy.toml"
    shipped = (ROOT / "policy.toml").read_text("utf-8")
    policy.write_text(shipped.replace("effort_question = false", "effort_question = true"), "utf-8")
    async with an_api(shared_database, temporal_dev, TIERLINE_POLICY=str(policy), **SURVEYS) as served:
        yield served


EASY = "How easy was it to get this solved?"


async def test_f7_a_customer_says_how_easy_it_was_and_takes_it_back(asking: Api) -> None:
    ticket = await closed_ticket(asking)
    page = await Visitor(asking).get(f"/survey/{token_of(ticket)}?effort=7")
    assert EASY in page.text
    assert re.findall(r'name="effort" value="(\d?)"', page.text) == ["7", "6", "5", "4", "3", "2", "1", ""]
    assert re.search(r'name="effort" value="" checked', page.text), "an address fills in nothing of it"
    assert (await answer_survey(asking, ticket, 4, effort="6")).status_code == 303
    assert re.search(
        r'name="effort" value="6" checked', (await Visitor(asking).get(f"/survey/{token_of(ticket)}")).text
    )
    assert survey.read(asking.db, ticket).effort == 6
    assert (await answer_survey(asking, ticket, 4, effort="")).status_code == 303
    assert survey.read(asking.db, ticket).effort is None


@pytest.mark.parametrize("effort", ["0", "8", "-1", "6.5", "\u0667", "seven", HOSTILE[0]])
async def test_f7_what_is_no_answer_to_how_easy_it_was_is_refused_with_what_was_typed(asking: Api, effort: str) -> None:
    ticket = await closed_ticket(asking)
    page = await answer_survey(asking, ticket, 4, "My words.", effort=effort)
    assert page.status_code == 422
    assert "how easy it was from 1 to 7" in page.text
    assert "My words." in page.text
    assert "<script" not in page.text
    assert ratings(asking, ticket) == []


async def test_f7_a_policy_that_does_not_say_so_asks_and_records_nothing_of_how_easy_it_was(api: Api) -> None:
    ticket = await closed_ticket(api)
    assert EASY not in (await Visitor(api).get(f"/survey/{token_of(ticket)}")).text
    assert (await answer_survey(api, ticket, 4, effort="6")).status_code == 303
    assert survey.read(api.db, ticket).effort is None


async def test_f7_a_comment_is_bounded(api: Api) -> None:
    ticket = await closed_ticket(api)
    answer = await answer_survey(api, ticket, 5, "x" * 2001)
    assert answer.status_code in (413, 422)
    assert "2,000 characters" in answer.text
    assert (await answer_survey(api, ticket, 5, "x" * 2000)).status_code == 303


async def test_f7_a_page_of_another_site_sends_no_answer(api: Api) -> None:
    ticket = await closed_ticket(api)
    fields, elsewhere = {"csat": "1", "once": "x"}, {"Origin": "https://elsewhere.example"}
    answer = await Visitor(api).post(f"/survey/{token_of(ticket)}", fields, headers=elsewhere)
    assert answer.status_code == 403
    assert ratings(api, ticket) == []


async def test_f7_the_page_runs_no_script_is_framed_by_nobody_and_kept_nowhere(api: Api) -> None:
    ticket = await closed_ticket(api, subject=HOSTILE[0])
    page = await Visitor(api).get(f"/survey/{token_of(ticket)}?score={HOSTILE[3]}")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in page.headers
    assert "<script" not in page.text
    assert 'name="robots" content="noindex' in page.text


async def test_f7_a_low_score_is_on_the_board_until_a_lead_has_followed_up(api: Api) -> None:
    ticket = await closed_ticket(api, subject="It took a week")
    assert (await answer_survey(api, ticket, 1, f"Nobody called. {HOSTILE[7]}")).status_code == 303
    lead = Visitor(api)
    await lead.sign_in(Role.LEAD)
    page = (await lead.get("/desk/board")).text
    assert "Nobody called." in page
    done = await lead.post("/desk/board/attend", form_of(page, ticket) | {"text": "Called them."})
    assert done.status_code == 303
    assert f'name="ticket" value="{ticket}"' not in (await lead.get(done.headers["Location"])).text
    scores = (await lead.get("/desk/board/satisfaction")).text
    assert "Nobody called." in scores


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
async def test_f7_a_customer_answers_on_a_phone_without_scripts(api: Api, running: Browser) -> None:
    ticket = await closed_ticket(api, subject="The export hangs")
    phone = await running.new_context(viewport={"width": 390, "height": 800}, java_script_enabled=False)
    try:
        page = await phone.new_page()
        await page.goto(f"{api.url}/survey/{token_of(ticket)}?score=4", wait_until="domcontentloaded")
        await expect(page.get_by_role("heading", name="How did we do?")).to_be_visible(timeout=PATIENCE_MS)
        await expect(page.get_by_role("radio", name="4 ")).to_be_checked()
        await page.get_by_role("radio", name="Very satisfied").check()
        await page.get_by_label("What should we know?").fill("Thank you, Ada.")
        await page.get_by_role("button", name="Send my answer").click()
        await expect(page.get_by_role("heading", name="Thank you")).to_be_visible(timeout=PATIENCE_MS)
        await expect(page.get_by_role("radio", name="Very satisfied")).to_be_checked()
        await page.reload()
        await page.get_by_role("radio", name="Neither").check()
        await page.get_by_role("button", name="Change my answer").click()
        await expect(page.get_by_role("radio", name="Neither")).to_be_checked(timeout=PATIENCE_MS)
    finally:
        await phone.close()
    assert [one[:2] for one in ratings(api, ticket)] == [(5, "Thank you, Ada."), (3, "Thank you, Ada.")]


async def test_f7_scores_are_read_through_the_api_by_any_person_of_ours(api: Api) -> None:
    ticket = await closed_ticket(api)
    await answer_survey(api, ticket, 5)
    found = await api.get("/api/v1/satisfaction?by=category&days=7")
    assert found.status_code == 200
    assert "how-to" in [one["name"] for one in found.json()["scores"]]
    assert found.json()["all"]["rated"] >= 1
    assert (await api.get("/api/v1/satisfaction?days=0")).status_code == 422
