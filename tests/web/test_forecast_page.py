"""The page that says what comes of a ticket if nobody acts, and what one act would change."""

from tests.support.desk_visitor import at_ticket
from tests.support.served_api import Api


async def test_the_ticket_leads_to_its_forecast_which_says_what_lapses_and_who_is_notified(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api, subject="Export fails", priority="P3")
    assert f'href="{address}/forecast"' in (await visitor.get(address)).text

    page = await visitor.get(f"{address}/forecast")

    assert page.status_code == 200
    assert "target first response is missed (priorities.P3.response)" in page.text
    assert "What is different then" not in page.text


async def test_a_supposition_shows_what_comes_then_and_what_is_different(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api, priority="P3")

    page = await visitor.get(f"{address}/forecast?priority=P1&days=30&plan=")

    assert page.status_code == 200
    assert "<option selected>P1</option>" in page.text
    assert "What is different then" in page.text
    assert "priority from P3 to P1" in page.text


async def test_a_supposition_that_cannot_be_says_why_above_the_forecast_without_it(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api, priority="P3")

    same = await visitor.get(f"{address}/forecast?priority=P3")
    wrong = await visitor.get(f"{address}/forecast?days=1000&priority=%3Cscript%3E")

    assert (same.status_code, wrong.status_code) == (409, 422)
    assert "the ticket is P3 already" in same.text
    assert "days, priority" in wrong.text
    assert "<script>" not in wrong.text
    assert "target first response is missed" in wrong.text


async def test_texts_of_the_ticket_are_text_on_its_forecast(api: Api) -> None:
    visitor, _ticket, address = await at_ticket(api, subject="<script>alert(1)</script>")
    assert "<script>alert" not in (await visitor.get(f"{address}/forecast")).text
