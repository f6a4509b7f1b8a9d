"""Makes the pictures of the desk: `python -m tests.e2e.desk_pictures` (needs Chromium).

It takes some minutes. It fills the desk of a Tierline of its own as `tierline demo` does, and photographs what README
and docs/desk.md show into `docs/images/`. With `--all FOLDER` it also puts every page and many of its states, at three
widths, light and dark, into a folder, for whoever changes how the desk looks.
"""

import asyncio
import re
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Browser, Page, expect
from sqlalchemy import text
from temporalio.service import RPCError

from cli.desk_samples import fill_the_desk
from domain.core.enums import Role
from services.policy_file.load import load_policy
from services.security.auth import create_token
from store.database import Database
from tests.support.desk_browser import browser, sign_in
from tests.support.desk_pages import pages
from tests.support.local_tierline import reached, whole_house
from tests.support.root import ROOT
from tests.support.small_png import make_small
from tests.support.temporal_ui import PATIENCE_MS
from workers.exit import finish

IMAGES = ROOT / "docs" / "images"
ME = "robin"
LARGEST = 150_000
"""Bytes of a picture."""
WIDE = 1280
ALL_WIDTHS = (360, 1024, 1600)
KINDS_OF_PAGES = (
    "/desk/queue?view=mine",
    "/desk/queue?view=promised",
    "/desk/accounts?view=mine",
    "/desk/accounts/nobody-knows-them",
    "/desk/incidents?ended=yes",
    "/desk/search?q=export",
    "/desk/search?q=zzqqx",
    "/desk/credits/refunds?state=all",
    "/desk/statement?account=bluefen-dairy",
    "/desk/tickets/{ticket}/resolve?resolution=duplicate",
    "/desk/tickets/{ticket}/forecast?priority=P0",
    "/desk/sign-in?code=once",
    "/desk/nothing",
)
"""Addresses at which a page looks otherwise than at its plain address."""


def _ticket(db: Database, subject: str) -> str:
    """Return the id of the sample ticket with this subject."""
    query = text("SELECT ticket_id FROM texts WHERE name = 'subject' AND text = :subject LIMIT 1")
    with db.session() as session:
        return str(session.scalars(query, {"subject": subject}).one())


async def main() -> None:
    """Take all pictures."""
    folder = Path(sys.argv[2]) if sys.argv[1:2] == ["--all"] else None
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="tl-"))
    try:
        with whole_house(home, TIERLINE_SPEED="1") as house:
            async with reached(house) as (client, db):
                with suppress(RuntimeError, RPCError):  # on a busy machine: the pictures show what there is
                    await fill_the_desk(client, db, load_policy(), ME, "pictures", lambda line: print(line, flush=True))
                token, _ = create_token(db, ME, Role.LEAD, timedelta(days=1), datetime.now(UTC))
                url = house.pages["API"].removesuffix("/api/v1")
                ticket = _ticket(db, "Export of October ends with an error")
                async with browser() as running:
                    await _take(running, url, token, f"/desk/tickets/{ticket}")
                    if folder:
                        await _take_all(running, url, token, ticket, folder)
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def _take(running: Browser, url: str, token: str, ticket: str) -> None:
    day = await sign_in(running, url, token, width=WIDE)
    await _photograph(await day.tab("/desk/queue?view=all"), "desk-queue", 660)
    await _photograph(await day.tab(ticket), "desk-ticket", 900)
    await _photograph(await day.tab("/desk"), "desk-home", 720)
    await _photograph(await day.tab("/desk/board"), "desk-board", 820)
    await _photograph(await day.tab("/desk/accounts/bluefen-dairy"), "desk-account", 760)
    await _photograph(await day.tab(f"{ticket}/escalate"), "desk-escalate", 900)
    await _photograph(await day.tab(f"{ticket}/resolve"), "desk-resolve", 760)
    await _photograph(await day.tab(f"{ticket}/forecast"), "desk-forecast", 720)
    await _photograph(await day.tab("/desk/templates"), "desk-templates", 300)
    await _photograph(await day.tab("/desk/lab"), "desk-lab", 760)
    night = await sign_in(running, url, token, width=WIDE, dark=True)
    await _photograph(await night.tab("/desk/incidents/1"), "desk-incident", 860)


async def _photograph(page: Page, name: str, height: int) -> None:
    """Photograph the top of a page, once it is live."""
    await page.set_viewport_size({"width": WIDE, "height": height})
    await _settled(page)
    path = IMAGES / f"{name}.png"
    await page.screenshot(path=path)
    size = await asyncio.to_thread(make_small, path)
    print(f"{name}: {size:,} bytes", flush=True)
    assert size <= LARGEST, f"{path} is too large: photograph less of the page"
    await page.close()


async def _opened(page: Page) -> None:
    await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")


async def _refused(page: Page) -> None:
    await page.click("form[data-command] .row button:not(.quiet)")
    await expect(page.locator("#refused")).to_be_visible(timeout=PATIENCE_MS)


async def _palette(page: Page) -> None:
    await page.keyboard.press("Control+k")
    await expect(page.locator("#palette")).to_be_visible(timeout=PATIENCE_MS)


async def _keys(page: Page) -> None:
    await page.keyboard.press("?")
    await expect(page.locator("#keys")).to_be_visible(timeout=PATIENCE_MS)


async def _cut_off(page: Page) -> None:
    await page.route("**/desk/live*", lambda route: route.abort())
    await page.reload(wait_until="domcontentloaded")
    await expect(page.locator("#live")).to_be_visible(timeout=PATIENCE_MS)
    await page.unroute("**/desk/live*")


STATES: dict[str, tuple[str, Callable[[Page], Awaitable[None]]]] = {
    "open-ticket": ("/desk/tickets/{ticket}", _opened),
    "open-card": ("/desk/tickets/{ticket}/card", _opened),
    "open-escalate": ("/desk/tickets/{ticket}/escalate", _opened),
    "open-incident": ("/desk/incidents/1", _opened),
    "open-new": ("/desk/new", _opened),
    "refused-resolve": ("/desk/tickets/{ticket}/resolve", _refused),
    "refused-escalate": ("/desk/tickets/{ticket}/escalate", _refused),
    "palette": ("/desk/queue", _palette),
    "keys": ("/desk/tickets/{ticket}", _keys),
    "cut-off": ("/desk/queue?view=all", _cut_off),
}
"""What a page looks like once something was done on it: its address, and what is done."""


async def _settled(page: Page) -> None:
    await expect(page.locator("main")).to_be_visible(timeout=PATIENCE_MS)
    await expect(page.locator("#live")).to_be_hidden(timeout=PATIENCE_MS)
    await page.mouse.move(0, 0)


async def _take_all(running: Browser, url: str, token: str, ticket: str, folder: Path) -> None:
    """Photograph every page at three widths, light and dark."""
    places = defaultdict(lambda: "none", {"{ticket}": ticket, "{incident}": "1", "{account:path}": "bluefen-dairy"})
    places["{name}"] = "fix-shipped"
    addresses = [*pages(places), *(one.format(ticket=ticket) for one in KINDS_OF_PAGES)]
    for dark in (False, True):
        person = await sign_in(running, url, token, dark=dark)
        page = await person.tab("/desk")
        for address in addresses:
            await page.goto(url + address, wait_until="domcontentloaded")
            await _at_all_widths(page, folder, address, dark)
        for name, (address, act) in STATES.items():
            await page.goto(url + address.format(ticket=ticket), wait_until="domcontentloaded")
            await act(page)
            await _at_all_widths(page, folder, name, dark)


async def _at_all_widths(page: Page, folder: Path, name: str, dark: bool) -> None:
    called = re.sub(r"\W+", "-", name.removeprefix("/"))
    for width in ALL_WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        await page.screenshot(path=folder / f"{called}-{width}{'-dark' if dark else ''}.png", full_page=True)


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.flush()
    finish(0)
