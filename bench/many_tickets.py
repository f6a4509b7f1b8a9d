"""A store with many tickets, the same in every run: a few are decided by the core, the rest are copies made by SQL.

A copy has its own id, account, subject and instants; what happened to it is what happened to the one that it is a copy
of. Nineteen of twenty are closed, as in a store of some years. No workflow runs for them.
"""

import io
import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Table, text
from sqlalchemy.orm import Session

from domain.core.enums import Plan, Priority, Role
from domain.core.ids import ticket_id
from domain.incident.state import Incident
from domain.ticket import commands as c
from domain.ticket.state import ACTIVE, Account
from store import accounts, journal
from store.database import Database
from store.journal import INCIDENTS
from store.tables.incidents import IncidentRow
from store.tables.journal import EventRow, TextRow
from store.tables.reports import TicketMomentRow, TicketRecordRow
from store.tables.tickets import TicketRow
from tests.support.incident_case import declared
from tests.support.packages import BOTH_PACKAGES, RECORD, T2_PACKAGE
from tests.support.query_plans import without_indexes
from tests.support.ticket_life import Life, life

AGENTS = tuple(f"agent-{number}" for number in range(1, 21))
ACCOUNTS = 2_000
INCIDENTS_MADE = 2_000
BATCH = 20_000
"""Copies of one statement."""
SOURCE = "bench"
SOON, HOUR, DAY = timedelta(minutes=9), timedelta(hours=1), timedelta(days=1)

_THINGS = (
    "export", "import", "report", "invoice", "calendar", "dashboard", "search", "login", "upload", "printout", "backup",
    "timetable", "inventory", "notification", "signature", "webhook", "currency", "discount", "address", "archive",
)  # fmt: skip
_FAULTS = (
    "fails", "is slow", "shows old figures", "stops halfway", "is empty", "appears twice", "lacks a column",
    "ends with an error", "asks for a password", "differs from last month",
)  # fmt: skip
_WORDS = ("yesterday", "customers", "warehouse", "branch", "morning", "version", "browser", "colleague", "printer")


class Shape(NamedTuple):
    """What the tickets are like."""

    active: int | None = None
    """How many of them may be active at most; None: 40 of 1,000."""
    messages: int = 0
    """How often customer and support wrote to each other on most closed tickets: 2 makes 20 events each."""


USUAL = Shape()


def _conversation(one: Life, messages: int, every: timedelta) -> Life:
    for number in range(messages):
        one.do(
            "reply", every, by="customer", role="customer", text=f"It happened again, for the {number + 1}. time. " * 4
        )
        one.do("respond", every, text="We see it in the log of your account, and go on looking. " * 3)
    return one


def _in_engineering(one: Life) -> Life:
    one.do("take", timedelta(minutes=1)).do("escalate", timedelta(minutes=1), fields=T2_PACKAGE)
    one.do("take", by="ben").do("escalate", timedelta(minutes=1), by="ben", fields=BOTH_PACKAGES)
    key = one.ticket.pending_effects[0].key
    done = {"jira_key": "ENG-1", "jira_url": "http://127.0.0.1/browse/ENG-1"}
    return one.tell(c.ReportDone(by="tierline", role=Role.SYSTEM, key=key, **done))


def _closed(one: Life, messages: int) -> Life:
    one.do("take", timedelta(minutes=5)).do("respond", timedelta(minutes=3), text="We look at it.")
    one.do("step", timedelta(minutes=2), text="Tried a second browser.")
    return _conversation(one, messages, HOUR).do("resolve", HOUR, **RECORD).do("close", HOUR)


def _lives(now: datetime, shape: Shape) -> dict[str, tuple[int, Life]]:
    """Return the tickets to copy: how many of 1,000 are like it, by name. Those that are open go on until `now`."""

    def begun(name: str, ago: timedelta, **given: Any) -> Life:
        return life(name, at=now - ago, subject="A template", **given)

    old = {"priority": Priority.P3, "plan": Plan.STANDARD}
    return {
        "new": (8, begun("new", timedelta(minutes=20))),
        "breached": (3, begun("breached", 3 * HOUR, plan=Plan.ENTERPRISE).wait_until(now)),
        "tier 1": (9, _conversation(begun("t1", 5 * HOUR, **old).do("take"), 2, HOUR)),
        "waiting": (6, begun("waiting", 5 * HOUR, **old).do("take").do("wait", SOON, question="Which browser?")),
        "tier 2": (6, begun("t2", 4 * HOUR).do("take").do("escalate", fields=T2_PACKAGE)),
        "engineering": (8, _in_engineering(begun("t3", 6 * HOUR))),
        "resolved": (20, begun("resolved", 9 * HOUR, **old).do("take", HOUR).do("resolve", HOUR, **RECORD)),
        "closed": (800, _closed(begun("closed", 30 * DAY, **old), shape.messages)),
        "closed, long": (140, _closed(begun("closed-long", 40 * DAY), shape.messages + 3)),
    }  # fmt: skip


def _shaped(lives: dict[str, tuple[int, Life]], shape: Shape, tickets: int) -> dict[str, tuple[float, Life]]:
    """Return how many of 1,000 tickets are like each, with no more active ones than there may be."""
    active = sum(weight for weight, one in lives.values() if one.ticket.status in ACTIVE)
    share = 1.0 if shape.active is None else min(1.0, 1000 * shape.active / (active * tickets))
    return {
        name: (weight * share if one.ticket.status in ACTIVE else weight, one) for name, (weight, one) in lives.items()
    }


def fill(db: Database, tickets: int, now: datetime, report: Callable[[str], None], shape: Shape = USUAL) -> None:
    """Fill a store that is empty. Does nothing where it has so many tickets already."""
    with db.session() as session:
        there = session.scalar(text("SELECT count(*) FROM tickets WHERE source = :source"), {"source": SOURCE}) or 0
    if there >= tickets:
        report(f"  {there:,} tickets are there already")
        return
    lives = _shaped(_lives(now, shape), shape, tickets)
    with db.begin() as session:
        session.execute(text("SET LOCAL statement_timeout = 0"))
        known = [Account(id=f"account-{n}", plan=Plan.STANDARD, csm=f"csm-{n % 9}") for n in range(ACCOUNTS)]
        accounts.save_accounts(session, known)
        for one in (one for _, one in lives.values()):
            journal.append(session, one.ticket.id, "bench", one.events)
        session.execute(text("UPDATE outbox SET state = 'sent'"))  # nobody is to be told of them
        _copy_incidents(session)
    with without_indexes(db):
        for first in range(there, tickets, BATCH):
            with db.begin() as session:
                _copy(session, lives, first, min(BATCH, tickets - first))
            report(f"  {min(first + BATCH, tickets):,} tickets are made")
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("VACUUM ANALYZE"))


def _copy(session: Session, lives: dict[str, tuple[float, Life]], first: int, count: int) -> None:
    """Make copies number `first` and on, with all of their events and texts."""
    session.execute(text("SET LOCAL statement_timeout = 0"))
    session.execute(text("SET LOCAL session_replication_role = replica"))  # foreign keys hold by construction
    session.execute(text(
        "CREATE TEMP TABLE made (template text, id text, external_id text, account text, assignee text, "
        "jira_key text, back interval, subject text, words text) ON COMMIT DROP"
    ))  # fmt: skip
    cursor = session.connection().connection.cursor()
    cursor.copy_expert("COPY made FROM STDIN", io.StringIO("".join(_rows(lives, first, count))))  # type: ignore[attr-defined]
    _insert(session, TicketRow.__table__, "id", {
        "id": "m.id", "source": f"'{SOURCE}'", "external_id": "m.external_id", "account": "m.account",
        "assignee": "CASE WHEN s.assignee IS NULL THEN NULL ELSE m.assignee END",
        "jira_key": "CASE WHEN s.jira_key IS NULL THEN NULL ELSE m.jira_key END",
        "opened_at": "s.opened_at - m.back", "sla_deadline": "s.sla_deadline + m.back", "updated_at": "now() - m.back",
        "state": "s.state || jsonb_build_object('id', m.id, 'external_id', m.external_id, 'source', "
                 f"'{SOURCE}', 'account', s.state->'account' || jsonb_build_object('id', m.account))",
    })  # fmt: skip
    _insert(session, EventRow.__table__, "ticket_id", {"ticket_id": "m.id", "recorded_at": "now() - m.back"})
    wording = "CASE s.name WHEN 'subject' THEN m.subject WHEN 'description' THEN m.words ELSE s.text END"
    _insert(session, TextRow.__table__, "ticket_id", {"ticket_id": "m.id", "text": wording})
    _copy_records(session)


def _copy_records(session: Session) -> None:
    """Copy what reports count, spread over areas, causes and errors."""
    thing = "split_part(m.subject, ' ', 2)"
    earlier = {name: f"s.{name} - m.back" for name in ("opened_at", "first_response", "ended_at")}
    _insert(session, TicketRecordRow.__table__, "ticket_id", earlier | {
        "ticket_id": "m.id", "account": "m.account", "area": thing,
        "hour": "(s.hour + (extract(epoch FROM m.back) / 3600)::int) % 168",
        "cause": f"'words-' || left(md5({thing} || m.assignee), 12)",
        "error": "CASE WHEN right(m.external_id, 1) < '4' THEN 'tierline-fp-' || left(md5("
                 "split_part(m.subject, ' in branch', 1)), 12) ELSE '' END",
    })  # fmt: skip
    instants = {name: f"s.{name} - m.back" for name in ("at", "since", "taken")}
    agent = "CASE WHEN s.agent = '' THEN '' ELSE m.assignee END"
    _insert(session, TicketMomentRow.__table__, "ticket_id", instants | {"ticket_id": "m.id", "agent": agent})


def _insert(session: Session, table: Any, key: str, instead: dict[str, str]) -> None:
    """Copy a table's rows of each template for all of its copies, with some columns said otherwise."""
    assert isinstance(table, Table)
    names = [column.name for column in table.columns]
    values = ", ".join(instead.get(name, f's."{name}"') for name in names)
    listed = ", ".join(f'"{name}"' for name in names)
    session.execute(text(
        f"INSERT INTO {table.name} ({listed}) SELECT {values} FROM made m JOIN {table.name} s ON s.{key} = m.template"
    ))  # fmt: skip


def _rows(lives: dict[str, tuple[float, Life]], first: int, count: int) -> Sequence[str]:
    """Return what makes each copy another ticket, a line each, as COPY reads it."""
    kinds, weights = list(lives), [weight for weight, _ in lives.values()]
    found = []
    for number in range(first, first + count):
        dice = random.Random(number)
        kind = dice.choices(kinds, weights)[0]
        template = lives[kind][1].ticket
        hours = dice.uniform(0, 24 * 700) if template.closed else dice.uniform(0, 40)
        name = f"bench-{number}"
        thing, fault = dice.choice(_THINGS), dice.choice(_FAULTS)
        words = " ".join(dice.choices(_WORDS, k=12))
        found.append("\t".join((
            template.id, ticket_id(SOURCE, name), name, f"account-{int(dice.paretovariate(1.2)) % ACCOUNTS}",
            dice.choice(AGENTS), f"ENG-{dice.randrange(3_000)}", f"{hours:.3f} hours",
            f"The {thing} {fault} in branch {dice.randrange(900)}", f"Our {thing} {fault}: {words}.",
        )) + "\n")  # fmt: skip
    return found


def _copy_incidents(session: Session) -> None:
    """Make incidents. One of 200 is open, and as many wait for their review."""
    one = declared("P1")
    incident: Incident = one.incident
    columns = "(number, area, fingerprint, opened_at) OVERRIDING SYSTEM VALUE"
    row = f"INSERT INTO incidents {columns} VALUES (:n, '', 't', now())"
    session.execute(text(row), {"n": incident.number})
    INCIDENTS.append(session, incident.number, "bench", one.events)
    instead = {
        "number": "1000 + n", "fingerprint": "'copy ' || n", "opened_at": "now() - n * interval '3 hours'",
        "closed_at": "CASE WHEN n % 200 = 0 THEN NULL ELSE now() - n * interval '3 hours' END",
        "status": "CASE n % 200 WHEN 0 THEN 'declared' WHEN 1 THEN 'resolved' ELSE 'reviewed' END",
    }  # fmt: skip
    names = [column.name for column in IncidentRow.__table__.columns]
    values = ", ".join(instead.get(name, f's."{name}"') for name in names)
    listed = ", ".join(f'"{name}"' for name in names)
    copies = f"INSERT INTO incidents ({listed}) OVERRIDING SYSTEM VALUE SELECT {values} FROM incidents s, "
    copies += "generate_series(1, :many) n WHERE s.number = :n"
    session.execute(text(copies), {"n": incident.number, "many": INCIDENTS_MADE})
