"""Makes the pages' pictures: `python -m tests.e2e.screenshots` (needs Chromium; takes about a minute).

It pastes the README's own commands into a Tierline of its own, photographs what the README and docs/ops.md show into
`docs/images/`, and prints what each command printed, so that the README can be brought up to date.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path

from playwright.async_api import FloatRect, Page, expect

from integrations.standins.run import Control
from tests.support.local_tierline import reached, whole_house
from tests.support.readme_reader import README, Reader, commands
from tests.support.root import ROOT
from tests.support.temporal_ui import PATIENCE_MS, WorkflowList, browser_page
from tests.support.twenty_tickets import BREACHED, open_twenty
from workers.exit import finish
from workers.local import Local

IMAGES = ROOT / "docs" / "images"
SIDE = 256
"""Pixels of the UI's menu, which is left out."""


async def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="tl-"))
    try:
        with whole_house(home) as running:
            async with reached(running) as (client, db):
                await _the_ticket(running, Reader(running, client))
                await open_twenty(client, db, Control(running.pages["Jira (stand-in)"]))
                await _the_list(running)
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def _the_ticket(running: Local, reader: Reader) -> None:
    for command in commands(README, "One ticket's way"):
        print(f"$ {command.line}", *await reader.paste(command), sep="\n", flush=True)
        if "--bug-summary" in command.words:
            jira = await reader.when_in_jira()
            await _photograph_the_ticket(running.pages["Temporal UI"], reader.ticket)
            async with browser_page(1100, 1000) as page:
                await page.goto(jira, wait_until="domcontentloaded")
                await page.screenshot(path=IMAGES / "jira-bug.png")


async def _photograph_the_ticket(ui: str, ticket: str) -> None:
    async with browser_page(1400, 1500) as page:
        await page.goto(f"{ui}/namespaces/default/workflows/ticket-{ticket}", wait_until="domcontentloaded")
        await page.get_by_text("create_jira_issue").first.wait_for()
        await page.wait_for_timeout(1500)  # the bars slide into their places
        timeline = page.get_by_role("heading", name="Timeline")
        top = await _box(page, timeline)
        await page.screenshot(path=IMAGES / "ticket-timeline.png", clip=_below_menu(page, top["y"] - 12, 650))
        await page.get_by_text("User Metadata").click()
        details = page.frame_locator("iframe").last.get_by_text("Clocks")
        await expect(details).to_be_visible(timeout=PATIENCE_MS)
        await page.wait_for_timeout(500)
        await page.screenshot(path=IMAGES / "ticket-details.png", clip=_below_menu(page, 60, 860))


async def _the_list(running: Local) -> None:
    async with browser_page(1400, 680) as page:
        listed = WorkflowList(page, running.pages["Temporal UI"])
        await listed.open()
        await listed.type(BREACHED)
        await page.mouse.move(700, 670)
        await page.wait_for_timeout(500)
        await page.screenshot(path=IMAGES / "breached.png", clip=_below_menu(page, 60, 600))


async def _box(page: Page, locator: object) -> FloatRect:
    box = await locator.bounding_box()  # type: ignore[attr-defined]
    assert box is not None
    return box


def _below_menu(page: Page, top: float, height: float) -> FloatRect:
    assert page.viewport_size is not None
    return {"x": SIDE, "y": top, "width": page.viewport_size["width"] - SIDE, "height": height}


if __name__ == "__main__":
    asyncio.run(main())
    finish(0)
