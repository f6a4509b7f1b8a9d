"""What a page of the desk keeps people out by: what axe finds, and what does not fit the window."""

from typing import Any

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

WIDTHS = (360, 820, 1440)
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
WIDEST = """[...document.querySelectorAll('main *')].filter(
    one => one.getBoundingClientRect().right > document.documentElement.clientWidth && !one.closest('.scroll')
).slice(-1).map(one => one.outerHTML.slice(0, 300)).join('')"""
"""The innermost element that reaches beyond the window."""
OPEN_ALL = "for (const one of document.querySelectorAll('details')) one.open = true"
GRAVE = ("serious", "critical")


async def grave_faults(page: Page, *rules: str) -> dict[str, str]:
    """What axe finds that is serious or worse: the rule, and the first element that breaks it. All rules, or these."""
    options: dict[str, Any] = {"resultTypes": ["violations"]} | ({"runOnly": list(rules)} if rules else {})
    found = (await Axe().run(page, options=options)).response["violations"]
    return {one["id"]: one["nodes"][0]["html"] for one in found if one["impact"] in GRAVE}


async def faults_of(page: Page) -> dict[str, str]:
    """What is wrong with a page, light and dark. In the dark it has other colours, and is the same else."""
    await page.evaluate(OPEN_ALL)
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": 900})
        if (beyond := await page.evaluate(TOO_WIDE)) > 0:
            return {f"at {width}": f"{beyond} px too wide: {await page.evaluate(WIDEST)}"}
    faults = await grave_faults(page)
    await page.emulate_media(color_scheme="dark")
    in_the_dark = await grave_faults(page, "color-contrast", "link-in-text-block")
    await page.emulate_media(color_scheme="light")
    return faults | {f"{rule} in the dark": html for rule, html in in_the_dark.items()}
