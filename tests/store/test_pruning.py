"""What has done its part is dropped after its time, in batches, beside others who do the same; the record stays."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, insert, select, text, update

from store import drafts, erasure, inbox, journal, kept_texts
from store.database import Database
from store.pruning import Keep, prune, statements
from store.tables.base import Base
from store.tables.integrations import InboxRow, OutboxRow, SubscriptionRow, TokenRow, TurnedAwayRow, WebhookRow
from store.tables.tickets import RefusalRow, TicketRow
from store.tables.web import DraftRow, SessionRow, SignInCodeRow
from tests.support.durations import DAY, SECOND
from tests.support.root import ROOT
from tests.support.ticket_life import RUN, Life, life
from tests.support.waiting import until
from workers.pruning import keep_pruning, kept
from workers.settings import Settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEEP = Keep()


def deliver(db: Database, name: str, handled: datetime | None, *, ticket: str | None = None, **more: Any) -> None:
    """A delivery that was acted on at an instant, or by nobody yet."""
    row = {"source": "webhook", "delivery_id": name, "payload": {"text": "It broke"}, "received": NOW - 100 * DAY}
    with db.begin() as session:
        session.execute(insert(InboxRow), [row | {"handled_at": handled, "ticket_id": ticket} | more])


def deliveries(db: Database) -> dict[str, Any]:
    with db.session() as session:
        return {row.delivery_id: row.payload for row in session.scalars(select(InboxRow))}


def on_record(db: Database, name: str, *, closed: bool = False) -> Life:
    one = life(name)
    with db.begin() as session:
        journal.append(session, one.ticket.id, RUN, one.events)
        if closed:
            session.execute(update(TicketRow).where(TicketRow.id == one.ticket.id).values(closed_at=NOW - DAY))
    return one


def column(db: Database, which: Any) -> list[Any]:
    with db.session() as session:
        return list(session.scalars(select(which).order_by(which)))


def test_a_delivery_is_known_again_for_its_time_and_dropped_after_it(db: Database) -> None:
    for name, handled in (
        ("over", NOW - 14 * DAY - SECOND), ("just not", NOW - 14 * DAY), ("waits", None), ("new", NOW),
    ):  # fmt: skip
        deliver(db, name, handled)

    assert prune(db, KEEP, NOW).deliveries == 1

    assert sorted(deliveries(db)) == ["just not", "new", "waits"]
    with db.begin() as session:
        assert inbox.keep(session, "webhook", "just not", {}, NOW) is None
        assert inbox.keep(session, "webhook", "over", {}, NOW) is not None


def test_what_was_delivered_is_emptied_once_its_ticket_has_it_and_its_id_stays(db: Database) -> None:
    one = on_record(db, "1")
    an_hour_ago = NOW - timedelta(hours=1) - SECOND
    deliver(db, "journalled", an_hour_ago, ticket=one.ticket.id)
    deliver(db, "of no ticket", an_hour_ago)
    deliver(db, "just now", NOW - timedelta(minutes=59), ticket=one.ticket.id)
    deliver(db, "not journalled", an_hour_ago, ticket="0000-0000-0000")
    deliver(db, "led to nothing", an_hour_ago, error="not_found")
    deliver(db, "waits", None, ticket=one.ticket.id)

    assert prune(db, KEEP, NOW).emptied == 2

    full = {name for name, payload in deliveries(db).items() if payload}
    assert full == {"just now", "not journalled", "led to nothing", "waits"}
    assert set(deliveries(db)) - full == {"journalled", "of no ticket"}


def notice(key: str, state: str, ticket: str | None, age: timedelta) -> dict[str, Any]:
    return {
        "key": key, "ticket_id": ticket, "event_seq": 1, "name": "warning", "audience": "lead", "title": "80 %",
        "at": NOW - age, "created_at": NOW - age, "state": state,
    }  # fmt: skip


def test_notices_go_after_their_time_but_not_while_their_ticket_is_open_or_they_wait(db: Database) -> None:
    opened, closed = on_record(db, "1").ticket.id, on_record(db, "2", closed=True).ticket.id
    with db.begin() as session:
        session.execute(text("DELETE FROM outbox"))
        old = 91 * DAY
        states = ("sent", "failed", "cancelled", "pending", "sending")
        rows = [notice(state, state, closed, old) for state in states]
        rows += [notice("open", "sent", opened, old), notice("of none", "sent", None, old)]
        rows += [notice("young", "sent", closed, 89 * DAY)]
        session.execute(insert(OutboxRow), rows)

    assert prune(db, KEEP, NOW).notices == 4

    assert column(db, OutboxRow.key) == ["open", "pending", "sending", "young"]


def test_what_was_told_outside_goes_and_what_waits_for_nobody_too(db: Database) -> None:
    def told(seq: int, state: str, destination: str, age: timedelta) -> dict[str, Any]:
        return {
            "destination": destination, "ticket_id": "a", "epoch": 1, "seq": seq, "state": state,
            "created_at": NOW - age,
        }  # fmt: skip

    with db.begin() as session:
        session.add(SubscriptionRow(name="crm", source=None, events=None, active=True))
        session.add(SubscriptionRow(name="gone", source=None, events=None, active=False))
        old = 31 * DAY
        rows = [told(1, "sent", "crm", old), told(2, "failed", "crm", old), told(3, "pending", "crm", old)]
        rows += [told(4, "pending", "gone", old), told(5, "pending", "never", old), told(6, "pending", "gone", DAY)]
        session.execute(insert(WebhookRow), [*rows, told(7, "sent", "crm", 29 * DAY)])

    assert prune(db, KEEP, NOW).webhooks == 4

    assert column(db, WebhookRow.seq) == [3, 6, 7]


def refusal(at: datetime) -> dict[str, Any]:
    return {
        "at": at, "ticket_id": None, "command": "take", "actor_id": "ada", "role": "agent", "code": "closed",
        "missing": [], "channel": "api",
    }  # fmt: skip


def test_refusals_and_counts_of_strangers_go_after_their_time(db: Database) -> None:
    with db.begin() as session:
        session.execute(insert(RefusalRow), [refusal(NOW - 91 * DAY), refusal(NOW - 89 * DAY)])
        for age in (91, 89):
            at = NOW - age * DAY
            counted = {"channel": "api", "source": "", "token": "", "code": "unauthenticated", "times": 7}
            session.add(TurnedAwayRow(minute=at, last_at=at, **counted))

    assert prune(db, KEEP, NOW).refusals == 2

    assert column(db, RefusalRow.at) == column(db, TurnedAwayRow.minute) == [NOW - 89 * DAY]


def test_tokens_go_long_after_they_opened_anything(db: Database) -> None:
    def token(name: str, expires: datetime, revoked: datetime | None = None) -> TokenRow:
        return TokenRow(
            id=name, digest=b"", actor="ada", role="agent", created_at=NOW - 400 * DAY, expires_at=expires,
            revoked_at=revoked,
        )  # fmt: skip

    with db.begin() as session:
        session.add(token("expired", NOW - 91 * DAY))
        session.add(token("just expired", NOW - 89 * DAY))
        session.add(token("revoked", NOW + DAY, NOW - 91 * DAY))
        session.add(token("good", NOW + DAY))

    assert prune(db, KEEP, NOW).tokens == 2

    assert column(db, TokenRow.id) == ["good", "just expired"]


def test_sessions_and_sign_in_codes_go_as_soon_as_they_open_nothing(db: Database) -> None:
    def signed_in(name: str, expires: datetime) -> SessionRow:
        return SessionRow(
            id=name, digest=b"", token_id="ada", actor="ada", role="agent", zone="UTC", created_at=NOW - DAY,
            seen_at=NOW - DAY, expires_at=expires,
        )  # fmt: skip

    def code(name: bytes, expires: datetime, used: datetime | None = None) -> SignInCodeRow:
        return SignInCodeRow(digest=name, token_id="ada", expires_at=expires, used_at=used)

    with db.begin() as session:
        token = {"digest": b"", "actor": "ada", "role": "agent", "created_at": NOW - DAY, "expires_at": NOW + DAY}
        session.add(TokenRow(id="ada", revoked_at=None, **token))
        session.flush()
        session.add_all([signed_in("over", NOW - SECOND), signed_in("ends now", NOW), signed_in("good", NOW + DAY)])
        session.add_all([code(b"expired", NOW - SECOND), code(b"ends now", NOW), code(b"good", NOW + DAY)])
        session.add(code(b"used", NOW + DAY, NOW - SECOND))

    assert prune(db, KEEP, NOW).sign_ins == 3

    assert column(db, SessionRow.id) == ["ends now", "good"]
    assert column(db, SignInCodeRow.digest) == [b"ends now", b"good"]
    assert column(db, TokenRow.id) == ["ada"]


def test_a_draft_goes_a_month_after_it_was_last_changed(db: Database) -> None:
    ticket = on_record(db, "1").ticket.id
    with db.begin() as session:
        for command, saved in (("note", NOW - 30 * DAY - SECOND), ("respond", NOW - 30 * DAY)):
            drafts.keep(session, drafts.Whose(ticket, "ada", command), {"text": "Half"}, "form", saved)
    assert prune(db, KEEP, NOW).drafts == 1
    assert column(db, DraftRow.command) == ["respond"]


def test_the_record_of_tickets_is_never_touched(db: Database) -> None:
    on_record(db, "1", closed=True)
    tables = ("tickets", "ticket_events", "texts", "terms", "incidents", "incident_events", "erasures", "jira_links")

    def record() -> dict[str, Sequence[Any]]:
        with db.session() as session:
            return {table: session.execute(text(f"SELECT * FROM {table}")).all() for table in tables}

    before = record()
    prune(db, KEEP, NOW + 10_000 * DAY)
    assert record() == before


def test_every_table_is_either_pruned_or_said_to_stay() -> None:
    """Whoever adds a table decides how long its rows are kept, and writes it down for ops."""
    docs = (ROOT / "docs/ops.md").read_text(encoding="utf-8")
    (_, _, kept_for) = docs.partition("## What is kept, and for how long")
    listed, _, _ = kept_for.partition("\n## ")
    assert [table for table in Base.metadata.tables if f"`{table}`" not in listed] == []


def test_batches_are_dropped_until_nothing_is_left_and_who_holds_a_row_is_not_waited_for(db: Database) -> None:
    with db.begin() as session:
        session.execute(insert(RefusalRow), [refusal(NOW - 100 * DAY - place * SECOND) for place in range(25)])
    with db.begin() as holder:
        held = holder.scalars(select(RefusalRow).order_by(RefusalRow.id).limit(1).with_for_update()).one()
        assert prune(db, KEEP, NOW, batch=10).refusals == 24
        assert column(db, RefusalRow.id) == [held.id]
    assert prune(db, KEEP, NOW).refusals == 1


def test_four_at_once_drop_everything_once(db: Database) -> None:
    with db.begin() as session:
        session.execute(insert(RefusalRow), [refusal(NOW - 100 * DAY) for _ in range(400)])
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: prune(db, KEEP, NOW, batch=20).refusals, range(4)))
    assert sum(done) + prune(db, KEEP, NOW).refusals == 400
    assert column(db, RefusalRow.id) == []


def texts_of(db: Database, ticket: str) -> int:
    with db.session() as session:
        trace = erasure.trace(session, ticket)
    assert trace is not None
    return trace.texts


def closed(db: Database, name: str, ago: timedelta) -> Life:
    one = on_record(db, name)
    with db.begin() as session:
        session.execute(update(TicketRow).where(TicketRow.id == one.ticket.id).values(closed_at=NOW - ago))
        kept_texts.keep(session, one.ticket.id, {"k1": ("long", "The whole log")})
    return one


def test_texts_of_closed_tickets_stay_for_ever_unless_a_time_is_set_and_go_after_it(db: Database) -> None:
    long_ago, just_not = closed(db, "1", 365 * DAY + SECOND), closed(db, "2", 365 * DAY)
    still_open = on_record(db, "3")
    assert prune(db, KEEP, NOW).tickets == 0
    assert texts_of(db, long_ago.ticket.id) > 1

    keep = Keep(texts=365 * DAY)
    assert prune(db, keep, NOW, batch=1).tickets == 1
    assert prune(db, keep, NOW).tickets == 0

    assert texts_of(db, long_ago.ticket.id) == 0
    assert texts_of(db, just_not.ticket.id) > 1
    assert texts_of(db, still_open.ticket.id) > 0
    with db.session() as session:
        assert journal.fold(session, long_ago.ticket.id) == journal.load(session, long_ago.ticket.id)
        assert all(entry.erased or not entry.event.texts for entry in journal.timeline(session, long_ago.ticket.id))


def test_texts_that_are_over_do_not_come_back_with_a_workflow_that_is_reset(db: Database) -> None:
    one = closed(db, "1", 400 * DAY)
    prune(db, Keep(texts=365 * DAY), NOW)

    with db.begin() as session:
        journal.append(session, one.ticket.id, "another-run", one.events)

    assert texts_of(db, one.ticket.id) == 0


def test_a_closed_ticket_that_somebody_holds_is_left_for_the_next_round(db: Database) -> None:
    held, free = closed(db, "1", 400 * DAY), closed(db, "2", 400 * DAY)
    keep = Keep(texts=365 * DAY)
    with db.begin() as session:
        session.execute(select(TicketRow.id).where(TicketRow.id == held.ticket.id).with_for_update())

        assert prune(db, keep, NOW).tickets == 1

    assert (texts_of(db, held.ticket.id) > 0, texts_of(db, free.ticket.id)) == (True, 0)
    assert prune(db, keep, NOW).tickets == 1


def test_one_that_is_told_to_stop_begins_no_further_batch(db: Database) -> None:
    with db.begin() as session:
        session.execute(insert(RefusalRow), [refusal(NOW - 100 * DAY) for _ in range(3)])
    assert prune(db, KEEP, NOW, stopped=lambda: True).total == 0
    assert len(column(db, RefusalRow.id)) == 3


@pytest.mark.parametrize(
    ("table", "index"),
    [
        ("inbox", "ix_inbox_handled"), ("inbox", "ix_inbox_full"), ("outbox", "ix_outbox_over"),
        ("feed", "ix_feed_over"), ("refusals", "ix_refusals_at"), ("tickets", "ix_tickets_with_texts"),
    ],
)  # fmt: skip
def test_what_is_over_is_found_by_an_index(db: Database, table: str, index: str) -> None:
    """The planner may take the index for the rows that are over: a predicate that does not match it could not."""
    plans = []
    with db.session() as session:
        for setting in ("enable_seqscan", "enable_bitmapscan", "enable_sort"):
            session.execute(text(f"SET LOCAL {setting} = off"))
        sent: list[tuple[str, Any]] = []
        event.listen(db.engine, "before_cursor_execute", lambda *said: sent.append((said[2], said[3])))
        for _, statement in statements(Keep(texts=365 * DAY), NOW, 10):
            session.execute(statement, execution_options={"synchronize_session": False})
            query, values = sent[-1]
            found = session.connection().exec_driver_sql(f"EXPLAIN {query}", values)
            plans.append("\n".join(found.scalars()))
    assert any(f"using {index} on {table}" in plan for plan in plans)


async def test_the_relay_prunes_from_the_start_and_as_its_settings_say(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIERLINE_KEEP_REFUSALS", "5")
    monkeypatch.setenv("TIERLINE_KEEP_TEXTS", "400")
    keep = kept(Settings())
    assert keep == KEEP.model_copy(update={"refusals": 5 * DAY, "texts": 400 * DAY})
    now = datetime.now(UTC)
    with db.begin() as session:
        session.execute(insert(RefusalRow), [refusal(now - 6 * DAY), refusal(now - 4 * DAY)])

    pruning = asyncio.create_task(keep_pruning(db, keep, every=3600))
    await until(lambda: len(column(db, RefusalRow.id)) <= 1, "the first round is over")
    pruning.cancel()
    with suppress(asyncio.CancelledError):
        await pruning
    assert column(db, RefusalRow.at) == [now - 4 * DAY]
