"""What customers send is taken in whole, whatever it looks like, at every door; and rules read what was meant (G11)."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import func, select, update
from temporalio.client import Client

from domain.core.enums import Category, Plan, Priority, Role, Status
from domain.core.ids import ticket_id
from services.intake.texts import LONGEST
from services.reading.ticket import entry_view
from store import erasure, journal
from store.database import Database
from store.tables.integrations import InboxRow
from store.tables.journal import KeptTextRow
from store.tables.tickets import RefusalRow
from tests.support.generic_door import Door
from tests.support.generic_door import a_form as a_webhook
from tests.support.served_api import Api, a_form

pytestmark = pytest.mark.usefixtures("working")
OUTAGE = "Production is down"
HISTORY = (
    "Thanks, all fine again since Tuesday.\n\nOn Mon, 2 Nov 2026, Support wrote:\n> You wrote: production is down.\n"
)


@pytest_asyncio.fixture(loop_scope="session")
async def door(temporal_dev: Client, shared_database: str) -> AsyncIterator[Door]:
    db = Database(shared_database)
    yield Door(temporal_dev, db)
    db.dispose()


# -- A field that only describes keeps no ticket out --------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "form", "unread"),
    [
        ({"zone": "Mars/Base"}, {}, ["account.zone"]),
        ({"region": "EMEA"}, {}, ["account.region"]),
        ({"plan": "gold"}, {}, ["account.plan"]),
        ({"plan": ["x"], "health": {"a": 1}, "arr": "much", "csm": ["x"]}, {},
         ["account.plan", "account.health", "account.arr", "account.csm"]),
        ({"tier": "gold"}, {}, ["account.tier"]),
        ({}, {"channel": "pigeon", "priority": "urgent", "category": "outage"}, ["channel", "priority", "category"]),
        ({}, {"tags": ["a", {"b": 1}, "c", ["d"]]}, ["tags 2", "tags 4"]),
        ({}, {"tags": {"a": 1}}, ["tags"]),
        ({}, {"tags": [str(n) for n in range(60)]}, ["tags"]),
        ({}, {"form": {"a": ["x"], "b": "y"}}, ["form a"]),
        ({}, {"language": "Deutsch!", "product_area": "x" * 300}, ["product_area", "language"]),
        ({}, {"opened_at": "yesterday"}, ["opened_at"]),
        ({}, {"opened_at": "0001-01-01T00:00:00Z"}, ["opened_at"]),
        ({}, {"colour": "red"}, ["colour"]),
        ({}, {"impact": "everybody", "urgency": 5}, ["impact", "urgency"]),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_taken_as_unknown_and_named_on_the_ticket(
    door: Door, account: dict[str, Any], form: dict[str, Any], unread: list[str]
) -> None:
    ticket = await door.opened(subject="Export fails", account={"id": "acme", "plan": "premium"} | account, **form)
    said = door.texts(ticket.id)["1.taken_as_unknown"]
    assert sorted(line.partition(":")[0] for line in said.splitlines()) == sorted(unread)
    with door.db.session() as session:
        told = entry_view(journal.timeline(session, ticket.id)[0])["told"]
    assert all(name in told for name in unread)
    assert "could not be read" in told


@pytest.mark.parametrize(
    ("account", "form"),
    [
        ({"zone": "W. Europe Standard Time"}, {}),
        ({"zone": "europe/berlin", "region": "de-by"}, {}),
        ({"zone": "", "region": " ", "plan": None}, {}),
        ({"plan": "Premium"}, {"priority": "p2", "category": "Bug", "channel": "Email"}),
        ({"csm": 17, "zone": None}, {"subject": 404, "by": 77, "tags": [2026], "form": {"type": 3, "vip": True}}),
        ({}, {"description": None, "product_area": None, "tags": None, "parent": None, "attachments": None}),
    ],
)
async def test_what_is_spelt_otherwise_or_says_nothing_is_read(
    door: Door, account: dict[str, Any], form: dict[str, Any]
) -> None:
    ticket = await door.opened(account={"id": 4000, "plan": "premium"} | account, **form)
    assert "1.taken_as_unknown" not in door.texts(ticket.id)
    assert (ticket.account.id, ticket.account.plan) == (
        "4000",
        Plan.PREMIUM if account.get("plan", 1) else Plan.STANDARD,
    )


async def test_a_number_names_its_ticket_in_an_opening_and_in_a_command(door: Door) -> None:
    number = int(uuid4().int % 10**12)
    await door.send("ticket.open", {"external_id": number, "account": {"id": 7}, "subject": "x"})
    name = await door.send("ticket.note", {"external_id": number, "by": 88, "text": 5})
    assert door.row(name).error is None
    ticket = ticket_id("webhook", str(number))
    await door.until(ticket, "noted")
    assert "5" in door.texts(ticket).values()


async def test_the_same_id_for_another_account_is_shown_to_ops(door: Door) -> None:
    first = await door.opened(subject="x")
    name = await door.send("ticket.open", a_webhook(first.external_id, account={"id": "other"}, subject=OUTAGE))
    assert door.row(name).error == "does_not_fit"
    with door.db.session() as session:
        assert session.scalars(select(RefusalRow).where(RefusalRow.ticket_id == first.id)).one()
    assert any("tierline deliveries" in title for title in door.titles())


async def test_an_integration_at_the_api_is_told_what_could_not_be_read_and_a_person_is_refused(api: Api) -> None:
    form = a_form(priority="urgent", account={"id": "acme", "plan": "gold"}, tags="a, b")
    taken = await api.post("/api/v1/tickets", form, role=Role.INTEGRATION)
    assert (taken.status_code, sorted(taken.json()["taken_as_unknown"])) == (201, ["account.plan", "priority"])
    seen = (await api.get(f"/api/v1/tickets/{taken.json()['ticket']}")).json()
    assert (sorted(seen["taken_as_unknown"]), seen["tags"]) == (["account.plan", "priority"], ["a", "b"])
    refused = await api.post("/api/v1/tickets", form)
    assert (refused.status_code, sorted(refused.json()["fields"])) == (422, ["account.plan", "priority", "tags"])
    for role in (Role.INTEGRATION, Role.AGENT):
        nobody = await api.post("/api/v1/tickets", a_form(account={"plan": "free"}), role=role)
        assert (nobody.status_code, list(nobody.json()["fields"])) == (422, ["account.id"])
        ours = await api.post("/api/v1/tickets", a_form(unread={"x": "y"}), role=role)
        assert (ours.status_code, list(ours.json()["fields"])) == (422, ["unread"])


async def test_what_comes_before_its_ticket_waits_for_it_and_keeps_its_order(door: Door) -> None:
    number = uuid4().hex
    for text in ("first", "second", "third"):
        early = await door.send("customer.replied", {"external_id": number, "text": text})
        assert door.row(early).handled_at is None
    await door.send("ticket.open", a_webhook(number))
    ticket = ticket_id("webhook", number)
    await door.replies(ticket, 3)
    said = sorted((int(ref.split(".")[0]), text) for ref, text in door.texts(ticket).items() if ref.endswith(".text"))
    assert [text for _, text in said] == ["first", "second", "third"]


# -- A text that is too long is kept whole ------------------------------------------------------------------------

LONG = f"Export fails.\n{'x' * 40_000}\nKeyError: currency"


async def check_kept(api: Api, ticket: str, text: str, whole: str) -> None:
    """The text is shortened in its middle, says how much is left out, and where the whole of it is."""
    assert len(text) <= LONGEST
    assert (text[:13], text[-18:]) == (whole[:13], whole[-18:])
    mark = text[text.index("[... ") : text.index(" ...]")]
    shown = text.replace(f"\n\n{mark} ...]\n\n", "")
    assert f"{len(whole) - len(shown):,} characters are left out" in mark
    command, key = mark.rsplit(" ", 2)[1:]
    assert command == ticket
    assert (await api.get(f"/api/v1/tickets/{ticket}/texts/{key}")).json() == {"id": key, "text": whole}
    listed = (await api.get(f"/api/v1/tickets/{ticket}/texts")).json()["texts"]
    assert (key, "long", len(whole)) in [(one["id"], one["why"], one["characters"]) for one in listed]


async def test_a_long_text_is_kept_whole_at_the_webhook(door: Door, api: Api) -> None:
    ticket = await door.opened(subject="x", description=LONG)
    await check_kept(api, ticket.id, door.texts(ticket.id)["1.description"], LONG)
    await door.send("customer.replied", {"ticket": ticket.id, "text": LONG + "!"})
    await door.until(ticket.id, "replied")
    (said,) = (text for name, text in door.texts(ticket.id).items() if name.endswith(".text"))
    await check_kept(api, ticket.id, said, LONG + "!")


async def test_a_long_text_is_kept_whole_at_the_api(api: Api, door: Door) -> None:
    ticket = await api.open(description=LONG)
    await check_kept(api, ticket, door.texts(ticket)["1.description"], LONG)
    for command, last, role in (("reply", "replied", Role.INTEGRATION), ("note", "noted", Role.AGENT)):
        said = f"{command} {LONG}"
        answer = await api.post(f"/api/v1/tickets/{ticket}/{command}", {"text": said}, role=role)
        assert answer.status_code == 200, answer.text
        await door.until(ticket, last)
        found = [text for name, text in door.texts(ticket).items() if name.endswith(".text")][-1]
        await check_kept(api, ticket, found, said)


async def test_what_goes_out_to_a_customer_is_not_shortened_but_refused_at_once(api: Api) -> None:
    ticket = await api.open()
    for command, field, more in (
        ("respond", "text", {}),
        ("wait", "question", {}),
        ("resolve", "message", {"resolution": "solved"}),
    ):
        refused = await api.post(f"/api/v1/tickets/{ticket}/{command}", {field: LONG} | more)
        assert (refused.status_code, list(refused.json()["fields"])) == (422, [field])


async def test_three_texts_of_the_longest_and_widest_letters_are_taken(door: Door) -> None:
    wide = "\U0001f4a5" * 100_000
    ticket = await door.opened(subject=wide, description=wide, attachments=wide)
    assert all("left out" in door.texts(ticket.id)[f"1.{name}"] for name in ("subject", "description"))


async def test_what_is_kept_whole_goes_with_an_erasure(door: Door) -> None:
    ticket = await door.opened(subject="x", description=LONG)
    kept = select(func.count()).where(KeptTextRow.ticket_id == ticket.id)
    with door.db.begin() as session:
        assert session.scalar(kept) == 1
        erasure.erase(session, ticket.id, at=datetime.now(UTC), actor="olga", reason="17", scope="ticket")
    with door.db.session() as session:
        assert session.scalar(kept) == 0


async def test_a_ticket_that_keeps_no_such_text_says_so(api: Api) -> None:
    ticket = await api.open()
    assert (await api.get(f"/api/v1/tickets/{ticket}/texts")).json() == {"texts": []}
    for path in (f"{ticket}/texts/abc", "4k7m-3q9x-tbd2/texts"):
        assert (await api.get(f"/api/v1/tickets/{path}")).status_code == 404


# -- Rules read what was meant ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "description", "priority", "category"),
    [
        ("Urgent", "<p>our <b>production</b>&nbsp;is&nbsp;<span>down</span>.</p>", Priority.P0, Category.BUG),
        ("Question", "<style>.btn-blocked{} .refund{}</style><p>How do I export a report?</p>",
         Priority.P3, Category.HOW_TO),
        ("Re: Invoice 4711", HISTORY, Priority.P3, Category.BILLING),
        ("hello", "hello\n--\nEverything is down to us. Acme Security Consulting", Priority.P3, Category.BUG),
        ("How do I silence the alert 'service is down'?", "We get the mail each night. It is not urgent.",
         Priority.P1, Category.HOW_TO),
        ("Production is down", "Nobody can log in.", Priority.P0, Category.BUG),
    ],
)  # fmt: skip
async def test_rules_read_the_customers_own_words(
    door: Door, subject: str, description: str, priority: Priority, category: Category
) -> None:
    account = {"id": f"acme-{uuid4().hex}", "plan": "free"}  # a P0 on Free opens no incident
    ticket = await door.opened(account=account, subject=subject, description=description)
    assert (ticket.priority, ticket.category) == (priority, category)


async def test_html_is_shown_as_text_and_kept_as_it_came(door: Door, api: Api) -> None:
    html = "<p>The export <b>hangs</b>.</p><blockquote>since when?</blockquote>"
    ticket = await api.open(description=html, subject="It&#39;s slow")
    seen = (await api.get(f"/api/v1/tickets/{ticket}")).json()
    assert (seen["subject"], seen["description"], seen["quoted"]) == ("It's slow", "The export hangs.", "> since when?")
    (kept,) = (await api.get(f"/api/v1/tickets/{ticket}/texts")).json()["texts"]
    assert (await api.get(f"/api/v1/tickets/{ticket}/texts/{kept['id']}")).json()["text"] == html


async def test_the_language_is_that_of_the_customers_own_words(door: Door) -> None:
    for text, language in (
        (
            "Der Export schlägt fehl.\n\nOn 2 Nov 2026 Support wrote:\n> Please tell us what happened to the export.",
            "de",
        ),
        ("Kan niet inloggen sinds vanochtend", "nl"),
        ("Nie mogę się zalogować", "pl"),
        ("エクスポートが失敗します", "ja"),
        ("ok", "en"),
    ):
        assert (await door.opened(description=text)).language == language
    assert (await door.opened(description="Der Export schlägt fehl.", language="fr")).language == "fr"


# -- Automatic messages (C17) -------------------------------------------------------------------------------------

MARKS = [
    {"text": "Back on Monday.", "automatic": True},
    {"text": "Back on Monday.", "headers": {"Auto-Submitted": "auto-replied"}},
    {"text": "Back on Monday.", "headers": [{"name": "X-Autoreply", "value": "yes"}]},
    {"text": "Back on Monday.", "headers": {"precedence": ["auto_reply"]}},
    {"text": "Back on Monday.", "subject": "Automatic reply: Your export"},
    {"text": "Automatic reply: I am out of the office until 7 December."},
]


@pytest.mark.parametrize("said", MARKS)
async def test_c17_an_automatic_reply_moves_nothing(door: Door, said: dict[str, Any]) -> None:
    ticket = await door.opened(subject="x")
    await door.send("ticket.take", {"ticket": ticket.id, "by": "ada"})
    await door.send("ticket.wait", {"ticket": ticket.id, "by": "ada", "question": "Which browser?"})
    await door.send("customer.replied", {"ticket": ticket.id} | said)
    await door.until(ticket.id, "automatic_reply")
    assert door.ticket(ticket.id).status is Status.PENDING
    await door.send("customer.replied", {"ticket": ticket.id, "headers": {"Auto-Submitted": "no"}, "text": "Firefox."})
    await door.until(ticket.id, "wait_ended")


async def test_c17_an_automatic_reply_to_a_closed_ticket_opens_no_other(door: Door) -> None:
    ticket = await closed(door)
    name = await door.send("customer.replied", {"ticket": ticket} | MARKS[0])
    assert (door.row(name).error, door.row(name).ticket_id) == (None, ticket)
    assert door.types(ticket)[-1] == "automatic_reply"


async def test_c17_a_new_ticket_of_a_machine_is_flagged_and_pages_nobody_by_a_rule(door: Door, api: Api) -> None:
    form = {"account": {"id": f"acme-{uuid4().hex}", "plan": "premium"}, "subject": OUTAGE}
    ticket = await door.opened(headers={"Auto-Submitted": "auto-generated"}, **form)
    assert (ticket.automatic, ticket.priority) == ("Auto-Submitted: auto-generated", Priority.P1)
    seen = (await api.get(f"/api/v1/tickets/{ticket.id}")).json()
    assert seen["automatic"] == "Auto-Submitted: auto-generated"


async def test_c17_a_sender_who_says_that_a_person_wrote_is_believed(door: Door) -> None:
    ticket = await door.opened(subject="x")
    said = {"ticket": ticket.id, "automatic": False, "text": "I am out of the office until 7 December. It is broken."}
    await door.send("customer.replied", said)
    await door.until(ticket.id, "replied")


# -- After closing ------------------------------------------------------------------------------------------------


async def closed(door: Door, **form: Any) -> str:
    """A ticket that is resolved and closed."""
    ticket = await door.opened(**{"subject": "x", "category": "how-to", "priority": "P3"} | form)
    for command in (
        {"type": "take"},
        {"type": "resolve", "resolution": "solved", "message": "Like this.", "what_was_done": "Explained it."},
        {"type": "close"},
    ):
        await door.send(f"ticket.{command.pop('type')}", {"ticket": ticket.id, "by": "ada"} | command)
    await door.until(ticket.id, "closed")
    return ticket.id


async def test_c10_a_follow_up_is_classified_like_any_ticket(door: Door) -> None:
    account = {"id": f"acme-{uuid4().hex}", "plan": "free"}  # a P0 on Free opens no incident
    first = await closed(door, account=account, product_area="reports", language="de")
    name = await door.send("customer.replied", {"ticket": first, "text": "Production is down again, nobody can log in"})
    followed = door.ticket(str(door.row(name).ticket_id))
    assert (followed.parent, followed.priority, followed.priority_guessed) == (first, Priority.P0, True)
    assert (followed.category, followed.product_area) == (Category.BUG, "reports")


async def test_c10_what_a_follow_up_does_not_say_is_as_in_the_ticket_that_it_follows(door: Door) -> None:
    first = await closed(door, product_area="reports", language="de")
    name = await door.send("customer.replied", {"ticket": first, "text": "ok"})
    followed = door.ticket(str(door.row(name).ticket_id))
    assert (followed.category, followed.product_area, followed.language, followed.priority) == (
        Category.HOW_TO, "reports", "de", Priority.P3,
    )  # fmt: skip


async def test_g6_a_guessed_p0_that_comes_late_waits_its_five_minutes_from_when_it_came(door: Door) -> None:
    account = {"id": f"acme-{uuid4().hex}", "plan": "premium"}
    came = datetime.now(UTC) - timedelta(minutes=10)
    ticket = await door.opened(account=account, subject=OUTAGE, opened_at=came.isoformat())
    assert (ticket.opened_at, ticket.priority_guessed, ticket.incident) == (came, True, None)
    assert ticket.guess_due is not None
    assert ticket.guess_due > datetime.now(UTC) + timedelta(minutes=3)
    await door.send("ticket.prioritise", {"ticket": ticket.id, "by": "ada", "priority": "P3", "reason": "A test."})


# -- What comes to nothing is shown -------------------------------------------------------------------------------


async def test_what_was_refused_is_acted_on_again_when_somebody_says_so(door: Door) -> None:
    from store import inbox

    number = uuid4().hex
    name = await door.send("customer.replied", {"external_id": number, "text": "Hello?"})
    with door.db.begin() as session:
        long_ago = datetime.now(UTC) - timedelta(minutes=61)
        mine = update(InboxRow).where(InboxRow.delivery_id == name)
        session.execute(mine.values(received=long_ago, not_before=None))
    await door.deliveries.work()
    assert door.row(name).error == "not_found"
    await door.send("ticket.open", a_webhook(number))
    with door.db.begin() as session:
        assert door.row(name).id in [row.id for row in inbox.came_to_nothing(session)]
        assert inbox.try_again(session, door.row(name).id)
        assert not inbox.try_again(session, door.row(name).id)
    await door.deliveries.work()
    await door.replies(ticket_id("webhook", number), 1)


async def test_what_is_refused_after_it_was_taken_stands_on_the_ticket(door: Door, api: Api) -> None:
    ticket = await door.opened(subject="x")
    await door.send("ticket.respond", {"ticket": ticket.id, "by": "ada"})
    (refused,) = (await api.get(f"/api/v1/tickets/{ticket.id}")).json()["refused_deliveries"]
    assert (refused["source"], refused["code"], refused["missing"]) == ("generic", "missing_fields", ["text"])
    assert refused["at"] is not None
    await door.send("ticket.note", {"ticket": ticket.id, "by": "ada", "text": "x"})
    await door.until(ticket.id, "noted")
    url = f"/api/v1/tickets/{ticket.id}/timeline"
    whole = (await api.get(url)).json()["entries"]
    types = [line["type"] for line in whole]
    place = types.index("delivery_refused")
    assert place == types.index("noted") - 1  # in its place
    assert whole[place]["summary"] == ("REFUSED after it was taken: what generic sent (missing_fields, missing: text)")
    assert whole[place]["seq"] == whole[place - 1]["seq"]
    paged: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = (await api.get(f"{url}?after={after}&limit=1")).json()
        paged, after = [*paged, *page["entries"]], page["next"]
    assert paged == whole  # once, page by page


async def test_an_empty_message_of_the_customer_is_one(door: Door) -> None:
    ticket = await door.opened(subject="x")
    await door.send("customer.replied", {"ticket": ticket.id, "text": " "})
    await door.until(ticket.id, "replied")
    assert json.dumps(door.texts(ticket.id)).count("(no text)") == 1
