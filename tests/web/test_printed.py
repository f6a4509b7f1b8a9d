"""F3, F8: a statement and the report of a week on paper: nothing is cut at the edge, and nothing is there to press."""

import re

import pytest
from playwright.async_api import Browser

from domain.core.enums import Role
from tests.support.desk_browser import sign_in
from tests.support.full_desk import Past
from tests.support.served_api import Api
from tests.support.temporal_ui import CHROMIUM

pytestmark = [pytest.mark.long, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")]

PAPER = 702
"""Pixels between the margins: A4 is 210 mm wide, each margin 12 mm, and an inch has 96."""
A4 = b"[0 0 594.95996 841.91998]"
BEYOND = """[...document.querySelectorAll('main *')].filter(
    one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 0.5
).map(one => one.outerHTML.slice(0, 200)).slice(-1)"""
CUT = """[...document.querySelectorAll('main *')].filter(
    one => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== 'visible' && one.clientWidth > 1
).map(one => one.outerHTML.slice(0, 200)).slice(-1)"""
"""What scrolls on the screen, and would be cut on paper."""
TO_PRESS = """[...document.querySelectorAll('header.top, nav, form, button, .views, summary')].filter(
    one => one.checkVisibility()
).map(one => one.outerHTML.slice(0, 200))"""


async def test_f3_f8_a_statement_and_a_week_fit_on_a4_without_what_is_to_press(
    api: Api, running: Browser, past: Past
) -> None:
    person = await sign_in(running, api.url, api.tokens[Role.LEAD], dark=True)
    page = await person.tab("/desk")
    await page.emulate_media(media="print")
    await page.set_viewport_size({"width": PAPER, "height": 1030})
    statement = f"/desk/statement?account=every-page&month={past.month}"
    compared = f"/desk/week/compare?before=2019-W07&after={past.week}"
    for address in (statement, f"/desk/week?week={past.week}", compared):
        await page.goto(api.url + address, wait_until="domcontentloaded")
        assert (address, await page.evaluate(BEYOND), await page.evaluate(CUT)) == (address, [], [])
        assert await page.evaluate(TO_PRESS) == []
        assert await page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        paper = await page.pdf(prefer_css_page_size=True)
        assert set(re.findall(rb"/MediaBox (\[[^]]*\])", paper)) == {A4}
    assert person.trouble == []
