"""Makes the pictures of the desk: `python -m tests.e2e.desk_pictures` (needs Chromium and ImageMagick).

It takes some minutes. It fills the desk of a Tierline of its own as `tierline demo` does, and photographs what README
shows into `docs/images/`. Each picture has few colours, so that it is small.
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Page, expect
from sqlalchemy import text
from temporalio.service import RPCError

from cli.desk_samples import fill_the_desk
from domain.core.enums import Role
from services.policy_file.load import load_policy
from services.security.auth import create_token
from store.database import Database
from tests.support.desk_browser import browser, sign_in
from tests.support.local_tierline import reached, whole_house
from tests.support.root import ROOT
from tests.support.temporal_ui import PATIENCE_MS
from workers.exit import finish

IMAGES = ROOT / "docs" / "images"
CONVERT = shutil.which("magick") or shutil.which("convert") or "convert"
ME = "robin"
LARGEST = 150_000
"""Bytes of a picture."""
WIDE, NARROW = 1280, 420


def _ticket(db: Database, subject: str) -> str:
    """Return the address of the sample ticket with this subject."""
    query = text("SELECT ticket_id FROM texts WHERE name = 'subject' AND text = :subject LIMIT 1")
    with db.session() as session:
        return f"/desk/tickets/{session.scalars(query, {'subject': subject}).one()}"


async def main() -> None:
    """Take all pictures."""
    home = Path(tempfile.mkdtemp(prefix="tl-"))
    try:
        with whole_house(home, TIERLINE_SPEED="1") as house:
            async with reached(house) as (client, db):
                with suppress(RuntimeError, RPCError):  # on a busy machine: the pictures show what there is
                    await fill_the_desk(client, db, load_policy(), ME, "pictures", lambda line: print(line, flush=True))
                token, _ = create_token(db, ME, Role.LEAD, timedelta(days=1), datetime.now(UTC))
                limit = _ticket(db, "Export of October ends with an error")
                other = _ticket(db, "Appointment list shows yesterday's patients")
                await _take(house.pages["API"].removesuffix("/api/v1"), token, limit, other)
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def _take(url: str, token: str, limit: str, other: str) -> None:
    async with browser() as running:
        day = await sign_in(running, url, token, width=WIDE)
        await _photograph(await day.tab("/desk/queue?view=all"), "desk-queue", 720)
        await _photograph(await day.tab(limit), "desk-ticket", 900)
        await _photograph(await day.tab(f"{limit}/escalate"), "desk-escalate", 900)
        night = await sign_in(running, url, token, width=WIDE, dark=True)
        await _photograph(await night.tab("/desk/incidents/1"), "desk-incident-dark", 900)
        await _photograph(await night.tab("/desk/queue?view=all"), "desk-queue-dark", 620)
        phone = await sign_in(running, url, token, width=NARROW)
        await _photograph(await phone.tab(other), "desk-phone", 900)


async def _photograph(page: Page, name: str, height: int) -> None:
    """Photograph the top of a page, once it is live."""
    assert page.viewport_size is not None
    await page.set_viewport_size({"width": page.viewport_size["width"], "height": height})
    await expect(page.locator("main")).to_be_visible(timeout=PATIENCE_MS)
    await page.mouse.move(0, 0)
    await page.wait_for_timeout(1500)  # the marks of what is live come and go
    path = IMAGES / f"{name}.png"
    await page.screenshot(path=path)
    subprocess.run([CONVERT, path, "-strip", "-colors", "64", f"PNG8:{path}"], check=True)
    size = path.stat().st_size
    print(f"{name}: {size:,} bytes", flush=True)
    assert size <= LARGEST, f"{path} is too large: photograph less of the page"


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.flush()
    finish(0)
