"""The policy lab: a policy is edited and checked, tried on our own tickets, and exported; nothing else changes."""

import re

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from domain.core.enums import Role
from tests.support.desk_browser import sign_in
from tests.support.policy_lab import SHIPPED, TRIED, at_lab, run_trial
from tests.support.served_api import Api
from tests.support.temporal_ui import CHROMIUM, PATIENCE_MS


async def test_a_mistake_is_named_with_its_line_beside_what_was_typed_and_no_backtest_starts(api: Api) -> None:
    visitor, hidden = await at_lab(api)
    wrong = SHIPPED.replace('t1_limit = "15m"', 't1_limit = "soon<script>"', 1)
    line = wrong[: wrong.index("soon<script>")].count("\n") + 1

    checked = await visitor.post("/desk/lab", hidden | {"do": "check", "policy": wrong})
    run = await visitor.post("/desk/lab", hidden | {"do": "run", "policy": wrong})

    assert f"line {line}: limits.t1_limit" in checked.text
    assert "soon&lt;script&gt;" in checked.text
    assert "<script>" not in checked.text.replace('<script src="', "")
    assert run.status_code == 422
    assert "of no use yet" in run.text


async def test_a_backtest_runs_beside_the_api_lives_through_a_reload_and_changes_nothing(api: Api) -> None:
    ticket = await api.open(subject="Export fails", account={"id": "lab", "plan": "premium"})
    before = (await api.get(f"/api/v1/tickets/{ticket}")).json()
    visitor, hidden = await at_lab(api)

    place = await run_trial(visitor, hidden, account="lab", days="3", by="plan")
    assert re.fullmatch(r"/desk/lab/[0-9a-f]{16}", place)
    page = (await visitor.get(place)).text
    assert "0 of 1 tickets go another way" in page
    assert "limits.t1_limit" in page
    assert "1 of 1 tickets have the breaches, escalations and limits that are on record" in page
    assert place in (await visitor.get("/desk/lab")).text
    again = await visitor.get(f"/desk/lab?trial={place.rsplit('/', 1)[1]}")
    assert "14m" in again.text
    assert (await api.get(f"/api/v1/tickets/{ticket}")).json() == before


async def test_two_edited_policies_are_compared_and_the_load_by_hour_is_shown(api: Api) -> None:
    ticket = await api.open(subject="Export fails", account={"id": "lab-two", "plan": "premium"})
    await api.post(f"/api/v1/tickets/{ticket}/take", json={})
    visitor, hidden = await at_lab(api)
    other = SHIPPED.replace('t1_limit = "15m"', 't1_limit = "16m"', 1)

    place = await run_trial(visitor, hidden, account="lab-two", days="3", base="other", other=other, acts="kept")

    page = (await visitor.get(place)).text
    assert "What the policy forbids is kept." in page
    assert re.search(r"limits\.t1_limit</code></td><td>16 min</td><td>14 min</td>", page)
    assert page.count(">the other policy</th>") == 2
    heat = page[page.index("Load by hour of the week") :]
    assert "under both" in heat
    acts = [int(number) for number in re.findall(r"<title>\w{3} \d\d:00: (\d+)</title>", heat)]
    assert sum(acts) == 2, "the customer opened it, and an agent took it"


async def test_clocks_that_were_kept_are_counted_beside_those_that_were_missed(api: Api) -> None:
    ticket = await api.open(subject="Export fails", account={"id": "lab-kept", "plan": "premium"})
    await api.post(f"/api/v1/tickets/{ticket}/respond", json={"text": "We are looking into it."})
    visitor, hidden = await at_lab(api)

    place = await run_trial(visitor, hidden, account="lab-kept", days="3")

    page = (await visitor.get(place)).text
    of_contract = r"<td>{}: contract first response</td><td class=.number.>{}</td><td class=.number.>{}</td>"
    assert re.search(of_contract.format("kept", 1, 1), page)
    assert re.search(of_contract.format("missed", 0, 0), page)


async def test_the_form_says_whom_a_p0_would_page_now_and_at_night_on_sunday(api: Api) -> None:
    visitor, _ = await at_lab(api)
    page = (await visitor.get("/desk/lab?area=%3Cscript%3E")).text
    critical = page[page.index("Whom would a P0 page?") :]
    assert re.findall(r"<h3>(.*?) <span", critical) == ["Now", "On Sunday at 03:00"]
    assert critical.count("step 1 of the ladder is paged") == 2
    assert critical.count("first response (contract)") == 2
    assert "&lt;script" not in page


async def test_the_policy_that_is_compared_with_must_be_of_use_too(api: Api) -> None:
    visitor, hidden = await at_lab(api)
    run = await visitor.post("/desk/lab", hidden | {"do": "run", "policy": TRIED, "base": "other", "other": "nonsense"})
    assert run.status_code == 422
    assert "the policy to compare with is of no use yet: line 1" in run.text
    assert ">nonsense</textarea>" in run.text


async def test_the_file_is_exported_as_it_was_typed(api: Api) -> None:
    visitor, hidden = await at_lab(api)
    answer = await visitor.post("/desk/lab", hidden | {"do": "export", "policy": TRIED})
    assert answer.content.decode() == TRIED
    assert answer.headers["Content-Disposition"] == 'attachment; filename="tried.toml"'


async def test_a_trial_that_is_not_kept_is_not_found(api: Api) -> None:
    visitor, _ = await at_lab(api)
    assert (await visitor.get("/desk/lab/0123456789abcdef")).status_code == 404


@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")
async def test_in_a_browser_the_bar_moves_by_itself_and_no_page_has_a_serious_fault_of_accessibility(
    api: Api, running: Browser
) -> None:
    await api.open(subject="Export fails", account={"id": "lab-seen", "plan": "premium"})
    person = await sign_in(running, api.url, api.tokens[Role.LEAD])
    page = await person.tab("/desk/lab")
    serious = await _serious(page)
    await page.get_by_label("Policy file").fill(TRIED)
    await page.get_by_label("Account").fill("lab-seen")
    await page.get_by_role("button", name="Run a backtest").click()
    await expect(page.get_by_role("heading", name="tickets go another way")).to_be_visible(timeout=PATIENCE_MS)
    serious |= await _serious(page)

    assert serious == set()
    assert person.trouble == []


async def _serious(page: Page) -> set[str]:
    """The serious faults that axe finds on a page, light and dark."""
    found: set[str] = set()
    for scheme in ("light", "dark"):
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        found |= {one["id"] for one in (await Axe().run(page)).response["violations"] if _is_serious(one)}
    return found


def _is_serious(fault: dict[str, str]) -> bool:
    return fault["impact"] in ("serious", "critical")
