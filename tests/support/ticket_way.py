"""The steps of README's "One ticket's way", taken on the desk in a real browser."""

import re

from playwright.async_api import Page, expect

from tests.support.temporal_ui import PATIENCE_MS

FOR_TIER_2 = {
    "steps_taken": "Cleared the cache: no change.",
    "customer_impact": "Finance cannot close the month.",
    "reproduction_steps": "Reports, last month, Export.",
    "logs_or_screenshots": "Request 7f3a: KeyError 'currency'",
}
FOR_ENGINEERING = {
    "bug_report.summary": "Export fails for accounts with two currencies",
    "bug_report.expected": "A CSV file.",
    "bug_report.actual": "An error page.",
    "bug_report.environment": "Cloud 4.12, Firefox 145",
    "bug_report.frequency": "Always",
    "business_impact.text": "Month-end closing is blocked.",
    "business_impact.arr": "84000",
    "workaround_status": "Export each currency on its own.",
    "communication_plan": "One update a day.",
}


async def head_says(page: Page, *texts: str) -> None:
    """Wait until the head of the ticket's page says so."""
    for text in texts:
        await expect(page.locator("header.whole")).to_contain_text(text, timeout=PATIENCE_MS)


async def fill(page: Page, fields: dict[str, str]) -> None:
    """Fill in fields of the hand-off form."""
    for name, text in fields.items():
        await page.locator(f'form[data-command=escalate] [name="fields.{name}"]').fill(text)


async def opened_and_answered(page: Page) -> None:
    """Ada opens the ticket of a customer who wrote, takes it and answers."""
    await page.keyboard.press("c")
    await page.fill('[name="account.id"]', "acme")
    await page.select_option('[name="account.plan"]', "premium")
    await page.fill('[name="subject"]', "Export fails")
    await page.fill('[name="description"]', "The export of last month ends with an error.")
    await page.select_option('[name="priority"]', "P2")
    await page.get_by_text("More about it").click()
    await page.fill('[name="product_area"]', "reports")
    await page.get_by_role("button", name="Open the ticket").click()
    await page.wait_for_url("**/desk/tickets/**")
    await page.keyboard.press("t")
    await head_says(page, "open in T1", "ada")
    await page.keyboard.press("r")
    await page.keyboard.type("We are looking into it.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".message.ours")).to_contain_text("We are looking into it.", timeout=PATIENCE_MS)
    await expect(page.locator("summary", has_text="first response, contract: met")).to_be_visible()


async def handed_to_tier_2(page: Page) -> None:
    """Ada sees what is missing. After the limit she may troubleshoot no more: the last field moves the ticket."""
    await page.keyboard.press("e")
    await page.wait_for_url("**/escalate")
    await expect(page.locator("main")).to_contain_text(
        "4 missing: steps taken, customer impact, reproduction steps, logs or screenshots"
    )
    await page.get_by_role("link", name="Back to the ticket").click()
    await expect(page.locator(".limit")).to_contain_text("Used up at", timeout=PATIENCE_MS)
    await expect(page.locator("form[data-command=step]")).to_have_count(0)
    *first, last = FOR_TIER_2
    for name in first:
        await fill_one(page, name)
        await expect(page.locator(".gate li.filled", has_text=name.replace("_", " "))).to_be_visible()
        await head_says(page, "open in T1")
    await fill_one(page, last)
    await head_says(page, "open in T2", "nobody has taken it")


async def fill_one(page: Page, name: str) -> None:
    await page.keyboard.press("f")
    await page.locator(f'form[data-command=fill] [name="fields.{name}"]').fill(FOR_TIER_2[name])
    async with page.expect_navigation(wait_until="domcontentloaded"):
        await page.keyboard.press("Control+Enter")


async def handed_to_engineering(page: Page) -> str:
    """Ben takes the ticket, is told what engineering needs, and hands it on. Returns the address of the issue."""
    await page.keyboard.press("t")
    await head_says(page, "open in T2", "ben")
    await page.keyboard.press("e")
    await page.wait_for_url("**/escalate")
    await expect(page.locator("main")).to_contain_text("business impact, workaround status, communication plan")
    await fill(page, FOR_ENGINEERING)
    await page.check('form[data-command=escalate] [name="fields.bug_report.code_change"]')
    await page.get_by_role("button", name="Escalate to T3").click()
    await head_says(page, "open in T3")
    issue = page.locator("main a", has_text=re.compile(r"^ENG-\d+$")).first
    await expect(issue).to_be_visible(timeout=PATIENCE_MS)
    return str(await issue.get_attribute("href"))


async def fixed_by_engineering(page: Page, issue: str) -> None:
    """An engineer says on the issue's own page that it is fixed."""
    await page.goto(issue, wait_until="domcontentloaded")
    await page.select_option("[name=resolution]", "Fixed")
    await page.fill("[name=fix_version]", "4.13")
    await page.fill("[name=comment]", "Fixed in 4.13: both currencies are exported.")
    await page.get_by_role("button", name="Done").click()
    await page.close()


async def resolved_and_closed(page: Page) -> None:
    """Ben sees the ticket come back with what engineering said, tells the customer, resolves and closes it."""
    await head_says(page, "open in T2", "ben")
    await expect(page.locator("main")).to_contain_text("both currencies are exported", timeout=PATIENCE_MS)
    await page.keyboard.press("d")
    await page.wait_for_url("**/resolve")
    form = page.locator("form[data-command=resolve]")
    await form.locator("[name=message]").fill("Version 4.13 solves this.")
    await form.locator("[name=what_was_done]").fill("Checked 4.13 with their report.")
    await form.locator("[name=root_cause]").fill("The exporter assumed one currency.")
    await form.locator("[name=kb_reason]").fill("gap")
    await form.get_by_role("button", name="Resolve as solved").click()
    await head_says(page, "resolved in T2")
    await page.locator("summary", has_text="Close").click()
    await page.locator("form[data-command=close] button").click()
    await head_says(page, "closed in T2")
