"""Erasing a person: nothing of them is left in any table, and the journal still adds up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.orm import Session

from domain.core.actor import Actor
from domain.core.enums import Role
from domain.core.refusal import Refused
from domain.ticket import commands as c
from domain.ticket.state import workflow_id
from services.erasure import Scope, erase, look
from store import drafts, inbox, journal, refusals
from store.database import Database
from store.tables.base import Base
from store.tables.integrations import IssueLinkRow, OutboxRow, WebhookRow
from store.tables.journal import ErasureRow, EventRow
from store.tables.tickets import RefusalRow, TicketRow
from tests.support.ticket_life import MONDAY, RUN, Life, opened

MARK = "jane"
"""Stands in every text of the person, in their id, and nowhere else."""
JANE = f"{MARK}@example.com"
AT = datetime(2026, 4, 1, tzinfo=UTC)
WHO: dict[str, Any] = {"at": AT, "actor": "olga", "reason": "request 17"}


def told(external_id: str, account: str = "acme", by: str = JANE) -> Life:
    """A ticket in which the person wrote, and in which others wrote about them."""
    life = Life(opened(external_id, account=account, subject=f"{MARK} cannot export"))
    life.do("take").do("note", text=f"Called {MARK} back").do("wait", question=f"Which browser, {MARK}?")
    life.tell(c.Reply(by=by, role=Role.CUSTOMER, text=f"Firefox. {MARK}"))
    life.tell(c.Reply(by=by, role=Role.INTEGRATION, text=f"And Chrome. {MARK}"))
    return life


def keep(db: Database, life: Life) -> Life:
    """Record it, with a delivery and a refusal of the person."""
    with db.begin() as session:
        journal.append(session, life.ticket.id, RUN, life.events)
        number = inbox.keep(session, "mail", life.ticket.id, {"from": JANE, "text": f"{MARK} writes"}, MONDAY)
        assert number is not None
        inbox.QUEUE.done(session, number, MONDAY, ticket_id=life.ticket.id, error=f"no such {MARK}")
        refuse_the_issue(session, life.ticket.id)
        drafts.keep(session, drafts.Whose(life.ticket.id, "ada", "note"), {"text": f"{MARK} called"}, "form", MONDAY)
        refused, customer = Refused("does_not_fit", f"{MARK} may not"), Actor(id=JANE, role=Role.CUSTOMER)
        refusals.refuse(
            session, refused, at=MONDAY, ticket_id=life.ticket.id, command="reply", actor=customer, channel="api"
        )
    return life


def refuse_the_issue(session: Session, ticket: str) -> None:
    """Jira refuses the ticket's issue, and quotes what it was sent; so does whoever takes notices and webhooks."""
    key = f"{workflow_id(ticket)}:jira_bug:3"
    session.execute(
        insert(IssueLinkRow),
        [
            {
                "effect_key": key, "owner": workflow_id(ticket), "seq": 3, "kind": "bug", "label": key,
                "phase": "refused", "attempt": 1, "lease_until": MONDAY, "first_post_at": MONDAY,
                "jira_key": "ENG-1", "error": f"summary: '{MARK} cannot export' is too short",
            }
        ],
    )  # fmt: skip
    told = {"destination": "crm", "ticket_id": ticket, "epoch": 1, "seq": 1, "state": "sent"}
    session.execute(insert(WebhookRow), [told | {"last_error": f"it answered 400: {MARK}?"}])
    session.execute(
        insert(OutboxRow),
        [
            {
                "key": key, "ticket_id": ticket, "event_seq": 3, "name": "warning", "audience": "lead",
                "title": "80 % is used up", "at": MONDAY, "last_error": f"it answered 400: {MARK}?",
            }
        ],
    )  # fmt: skip


def where_it_stands(db: Database, mark: str) -> set[str]:
    """Every table that holds the mark in any column, as PostgreSQL would print the row."""
    found = set()
    with db.session() as session:
        for table in Base.metadata.tables:
            count = f"SELECT count(*) FROM {table} AS one WHERE strpos(one::text, :mark) > 0"
            if session.scalar(text(count), {"mark": mark}):
                found.add(table)
    return found


def everything(db: Database) -> dict[str, list[str]]:
    with db.session() as session:
        tables = {
            table: sorted(session.scalars(text(f"SELECT one::text FROM {table} AS one")))
            for table in Base.metadata.tables
        }
    return tables


@pytest.mark.parametrize("scope", ["ticket", "account", "requester"])
async def test_no_table_holds_anything_of_an_erased_person_and_the_journal_adds_up(db: Database, scope: str) -> None:
    life = keep(db, told("1"))
    assert where_it_stands(db, MARK) == {
        "texts", "inbox", "ticket_events", "refusals", "jira_links", "feed", "outbox", "drafts",
    }  # fmt: skip

    with db.session() as session:
        before = session.execute(select(EventRow.seq, EventRow.type, EventRow.digest, EventRow.body)).all()
        was = journal.load(session, life.ticket.id)

    whom = {"ticket": life.ticket.id, "account": "acme", "requester": JANE}
    done = await erase(db, Scope(kind=scope, id=whom[scope]), **WHO)  # type: ignore[arg-type]

    assert where_it_stands(db, MARK) == set()
    with db.session() as session:
        assert session.execute(select(EventRow.seq, EventRow.type, EventRow.digest, EventRow.body)).all() == before
        assert journal.load(session, life.ticket.id) == journal.fold(session, life.ticket.id) == was
        record = session.scalars(select(ErasureRow)).one()
    (trace,) = done.found.tickets
    assert (trace.texts, trace.deliveries, trace.names) == (7, 1, 4)
    assert (record.actor, record.reason, record.scope, record.ticket_id) == (
        "olga", "request 17", scope, life.ticket.id,
    )  # fmt: skip
    assert (record.at, record.texts, record.deliveries, record.names) == (AT, 7, 1, 4)


def test_what_tierline_cannot_erase_is_named_for_somebody_to_do(db: Database) -> None:
    life = keep(db, told("1"))
    with db.begin() as session:
        session.execute(update(TicketRow).values(source="zendesk", incident_number=7))
    assert look(db, Scope(kind="ticket", id=life.ticket.id)).elsewhere() == [
        "Jira: delete or redact ENG-1",
        "zendesk: erase 1 there",
        "crm was notified by webhook: ask for erasure there",
        "incident-7: read its notes, which are about more than this person",
    ]


async def test_what_was_meant_for_a_ticket_that_never_was_is_found_by_its_requester(db: Database) -> None:
    with db.begin() as session:
        for ticket in (None, "0000-0000-0000"):
            number = inbox.keep(session, "mail", str(ticket), {"from": JANE, "text": MARK}, MONDAY, ticket_id=ticket)
            assert number is not None
            inbox.QUEUE.done(session, number, MONDAY, error="not_found")
    assert look(db, Scope(kind="requester", id=JANE)).loose == 2
    done = await erase(db, Scope(kind="requester", id=JANE), **WHO)
    assert (done.found.loose, where_it_stands(db, MARK)) == (2, set())


async def test_others_keep_all_that_is_theirs(db: Database) -> None:
    keep(db, told("1"))
    other = Life(opened("2", account="other", subject="Peter cannot export"))
    other.tell(c.Reply(by="peter@example.com", role=Role.CUSTOMER, text="Safari."))
    with db.begin() as session:
        journal.append(session, other.ticket.id, RUN, other.events)
    await erase(db, Scope(kind="account", id="acme"), **WHO)
    with db.session() as session:
        assert {"Peter cannot export", "Safari."} <= set(journal.texts(session, other.ticket.id).values())
    assert "ticket_events" in where_it_stands(db, "peter@example.com")


def test_to_look_changes_nothing_and_says_what_there_is(db: Database) -> None:
    life = keep(db, told("1"))
    before = everything(db)
    found = look(db, Scope(kind="account", id="acme"))
    assert everything(db) == before
    (trace,) = found.tickets
    assert (trace.ticket, trace.texts, trace.deliveries, trace.names) == (life.ticket.id, 7, 1, 4)


async def test_to_erase_twice_is_to_erase_once(db: Database) -> None:
    life = keep(db, told("1"))
    await erase(db, Scope(kind="ticket", id=life.ticket.id), **WHO)
    once = everything(db)
    again = await erase(db, Scope(kind="ticket", id=life.ticket.id), **WHO)
    assert again.found.gone
    assert everything(db) == once


async def test_an_erasure_that_dies_on_the_way_goes_on_where_it_was(db: Database) -> None:
    """Each ticket is erased whole, with its record, or not at all."""
    for number in ("1", "2", "3"):
        keep(db, told(number))

    def die(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await erase(db, Scope(kind="requester", id=JANE), report=die, **WHO)
    with db.session() as session:
        assert len(session.scalars(select(ErasureRow)).all()) == 1
    assert where_it_stands(db, MARK) != set()

    await erase(db, Scope(kind="requester", id=JANE), **WHO)

    assert where_it_stands(db, MARK) == set()
    with db.session() as session:
        records = session.scalars(select(ErasureRow)).all()
    assert sorted(row.texts for row in records) == [7, 7, 7]
    assert len({row.ticket_id for row in records}) == 3


async def test_what_was_on_its_way_to_the_journal_does_not_bring_a_text_back(db: Database) -> None:
    # Given an open ticket whose last events are still on their way when its person is erased
    life = told("1")
    on_record, on_its_way = life.events[:3], life.events[3:]
    with db.begin() as session:
        journal.append(session, life.ticket.id, RUN, on_record)
    await erase(db, Scope(kind="ticket", id=life.ticket.id), **WHO)
    # When they arrive, and the person writes once more after that
    life.tell(c.Reply(by="u-1", role=Role.CUSTOMER, text="It is me again."), after=AT - MONDAY + timedelta(days=1))
    with db.begin() as session:
        journal.append(session, life.ticket.id, RUN, on_its_way)
        journal.append(session, life.ticket.id, RUN, life.events[len(on_record) + len(on_its_way) :])
    # Then only what came after the erasure is there
    with db.session() as session:
        assert set(journal.texts(session, life.ticket.id).values()) == {"It is me again."}
        assert journal.load(session, life.ticket.id) == journal.fold(session, life.ticket.id) == life.ticket


async def test_a_reset_workflow_that_tells_its_past_again_does_not_bring_a_text_back(db: Database) -> None:
    life = told("1")
    with db.begin() as session:
        journal.append(session, life.ticket.id, RUN, life.events)
    other = Life(opened("1", account="acme", subject=f"{MARK} cannot export"))
    other.do("take").do("note", text=f"Another branch about {MARK}")
    await erase(db, Scope(kind="ticket", id=life.ticket.id), **WHO)
    with db.begin() as session:
        assert journal.append(session, life.ticket.id, "run-2", other.events).epoch == 2
    assert where_it_stands(db, MARK) == set()


async def test_a_delivery_that_nobody_has_acted_on_is_kept_until_somebody_has(db: Database) -> None:
    life = told("1")
    with db.begin() as session:
        journal.append(session, life.ticket.id, RUN, life.events)
        number = inbox.keep(session, "intake", "x", {"text": f"{MARK} writes"}, MONDAY, ticket_id=life.ticket.id)
    first = await erase(db, Scope(kind="ticket", id=life.ticket.id), **WHO)
    assert (first.found.tickets[0].waiting, where_it_stands(db, MARK)) == (1, {"inbox"})
    with db.begin() as session:
        assert number is not None
        inbox.QUEUE.done(session, number, AT)
    await erase(db, Scope(kind="ticket", id=life.ticket.id), **WHO)
    assert where_it_stands(db, MARK) == set()


async def test_what_names_a_requester_and_belongs_to_no_ticket_goes_too(db: Database) -> None:
    with db.begin() as session:
        number = inbox.keep(session, "mail", "spam", {"from": JANE}, MONDAY)
        assert number is not None
        inbox.QUEUE.done(session, number, MONDAY, error="it leads to nothing")
        refused = Refused("not_allowed", "no")
        stranger = Actor(id=JANE, role=Role.CUSTOMER)
        refusals.refuse(session, refused, at=MONDAY, ticket_id=None, command="open", actor=stranger, channel="api")
    assert look(db, Scope(kind="requester", id=JANE)).loose == 2
    assert (await erase(db, Scope(kind="requester", id=JANE), **WHO)).found.loose == 2
    assert where_it_stands(db, MARK) == set()
    with db.session() as session:
        assert session.scalars(select(ErasureRow.ticket_id)).one() is None


async def test_our_own_peoples_names_stay_for_they_answer_for_what_they_did(db: Database) -> None:
    life = keep(db, told("1"))
    await erase(db, Scope(kind="ticket", id=life.ticket.id), **WHO)
    with db.session() as session:
        names = dict(
            session.execute(select(EventRow.type, EventRow.actor_id).where(EventRow.type != "clock_met")).all()
        )
    assert (names["taken"], names["replied"]) == ("ada", "erased")


async def test_what_somebody_typed_is_reached_and_who_of_ours_typed_it_stays(db: Database) -> None:
    """Refusals from before addresses were left out, and names of fields that there are not."""
    with db.begin() as session:
        for actor, role, command, missing in (
            ("ada", "agent", f"GET /api/v1/accounts/{JANE}", []), ("crm", "integration", "open", [f"{JANE}: x"]),
            (JANE, "agent", "take", []),
        ):  # fmt: skip
            refusals.turn_away(
                session, at=MONDAY, ticket_id=None, command=command, actor_id=actor, role=role, code="not_found",
                missing=missing, channel="api",
            )  # fmt: skip
    scope = Scope(kind="requester", id=JANE)
    assert look(db, scope).loose == 2
    assert (await erase(db, scope, **WHO)).found.loose == 2
    with db.session() as session:
        rows = [(one.actor_id, one.command, one.missing) for one in session.scalars(select(RefusalRow))]
    assert sorted(rows) == [
        ("ada", "GET /api/v1/accounts/erased", []), ("crm", "open", ["erased: x"]), (JANE, "take", []),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("scope", "reason", "code"),
    [
        (Scope(kind="ticket", id="0000-0000-0000"), "request 17", "not_found"),
        (Scope(kind="account", id="acme"), " ", "missing_fields"),
    ],
)
async def test_an_erasure_without_a_ticket_or_a_reason_is_refused(
    db: Database, scope: Scope, reason: str, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await erase(db, scope, **WHO | {"reason": reason})
    assert refused.value.code == code
