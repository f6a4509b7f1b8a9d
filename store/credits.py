"""The ledger of credits (F2), kept with the journal: which contract breaches stand, and what is owed for them.

The breaches of a ticket are written in the transaction of its events, and the credits that they stand for follow in the
same one. A credit outlives its breaches: what people decided is never lost, also not when the projection is rebuilt.
One writer at a time for each account, whose lock is taken after the ticket's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, insert, select, text, tuple_, union
from sqlalchemy.orm import Session

from domain.clocks.terms import Terms
from domain.core.enums import Metric, Resolution, Side
from domain.credits.breaches import Links, Missed, Owed, Problem, missed, month_fee, own_problem, problem_of, worth
from domain.credits.credit import Credit, CreditState, applied, basis_of, followed, reckoned
from domain.ticket.events import AccountMatched, Lapsed, Opened, TermsReplaced
from domain.ticket.state import Account, IncidentLink, Ticket
from store import billing
from store.accounts import find_account
from store.database import lock
from store.journal import upcast
from store.journal.terms import find_terms
from store.journal.upcast import Json
from store.queries import ACTIVE
from store.tables.credits import ContractBreachRow, CreditActRow, CreditRow
from store.tables.journal import EventRow
from store.tables.tickets import TicketRow

SYSTEM = "tierline"
"""Who changes a credit where that follows from the breaches."""
_NOTHING: Mapping[str, Credit] = {}
_TERMS = (Opened, AccountMatched, TermsReplaced)


class Key(NamedTuple):
    """What a credit is owed once for."""

    account: str
    metric: Metric
    problem: str


# -- Written with the journal --------------------------------------------------------------------------------


def watch(session: Session, before: Ticket | None, after: Ticket) -> None:
    """Bring breaches and credits up to date, if which breaches of a ticket stand has just changed, or whose they are,
    or which problem the ticket is part of. `after` is stored already."""
    known = _facts(before) if before else (after.account.id, after.account_unknown, own_problem(_links_of(after)), [])
    if _facts(after) != known:
        update(session, after)


def _facts(ticket: Ticket) -> tuple[object, ...]:
    return ticket.account.id, ticket.account_unknown, own_problem(_links_of(ticket)), missed(ticket)


def update(session: Session, ticket: Ticket, *, write: bool = True) -> Sequence[str]:
    """Make the breach rows of a ticket, and the credits that they stand for, as the ticket has them; and those of its
    duplicates, where it moved to another problem. `ticket` is stored already.

    Returns the names of the tables that were not so. With `write` off, nothing is changed.
    """
    _lock(session, _accounts(session, ticket))
    wanted = {(one.metric, one.due): one for one in _owed(session, ticket)}
    problem = _problem(session, _links_of(ticket))
    there = {(Metric(row.metric), row.due): row for row in _rows(session, ContractBreachRow.ticket_id == ticket.id)}
    rows = {key: _values(one, problem) for key, one in wanted.items()}
    differ = {key for key in {*rows, *there} if key not in rows or key not in there or _differs(there[key], rows[key])}
    keys = {_key(rows[key]) for key in rows} | {_key_of(row) for row in there.values()}
    if write:
        for key in differ:
            if key in there:
                session.delete(there[key])
        session.flush()
        if differ & set(rows):
            session.execute(insert(ContractBreachRow), [rows[key] for key in rows if key in differ])
    moved = _regroup(session, ticket, write=write)
    keys |= moved
    changed = ["contract_breaches"] if differ or moved else []
    return [*changed, *(["credits"] if follow(session, keys, write=write) else [])]


def _accounts(session: Session, ticket: Ticket) -> set[str]:
    mine = (ContractBreachRow.ticket_id == ticket.id) | _through(ticket)
    return {ticket.account.id, *session.scalars(select(ContractBreachRow.account).where(mine).distinct())}


def _lock(session: Session, accounts: Iterable[str]) -> None:
    for account in sorted(accounts):
        lock(session, "credits", account)


def _owed(session: Session, ticket: Ticket) -> list[Owed]:
    """Return the breaches of a ticket that stand, each with what it is worth. The problem is left empty."""
    found = missed(ticket)
    if not found:
        return []
    brought = [kind.model_fields["type"].default for kind in (*_TERMS, Lapsed)]
    query = (
        select(EventRow.type, EventRow.version, EventRow.body)
        .where(EventRow.ticket_id == ticket.id, ~EventRow.superseded, EventRow.type.in_(brought))
        .order_by(EventRow.seq)
    )
    events = [(row.type, upcast.TICKETS.upcast(*row)) for row in session.execute(query)]
    return [worth(ticket, one, "", *_counting(session, events, one)) for one in found]


def _counting(session: Session, events: Sequence[tuple[str, Json]], one: Missed) -> tuple[Terms, Account]:
    """Return the terms and the account that a breach counts under: those that the ticket had when the clock lapsed.

    Where the account became known later, or is another one by now, those that came with it.
    """
    counting: tuple[Terms, Account] | None = None
    account: Account | None = None
    lapsed = False
    for kind, body in events:
        if kind == "lapsed":
            miss = Lapsed.model_validate(body)
            lapsed = lapsed or (miss.side is Side.CONTRACT and (miss.metric, miss.due) == one)
            continue
        account = Account.model_validate(body["account"]) if body.get("account") else account
        assert account is not None  # the opening names it
        if not lapsed or counting is None or kind == "account_matched" or counting[1].id != account.id:
            counting = find_terms(session, body["terms"]), account
    assert counting is not None
    return counting


def _links_of(ticket: Ticket) -> Links:
    return Links(ticket.id, ticket.incident, ticket.resolution, ticket.parent)


def _problem(session: Session, start: Links) -> Problem:
    return problem_of(start, lambda name: _links(session, name))


def _links(session: Session, ticket: str) -> Links | None:
    state = TicketRow.state
    query = select(state["incident"], state["resolution"].astext, state["parent"].astext).where(TicketRow.id == ticket)
    row = session.execute(query).one_or_none()
    if row is None:
        return None
    incident = IncidentLink.model_validate(row[0]) if row[0] else None
    return Links(ticket, incident, Resolution(row[1]) if row[1] else None, row[2])


def _through(ticket: Ticket) -> ColumnElement[bool]:
    return ContractBreachRow.via.op("@>")([ticket.id])


def _regroup(session: Session, ticket: Ticket, *, write: bool) -> set[Key]:
    """Find the problem of the ticket's duplicates anew. Returns the credits of which one was, or is now, part."""
    keys: set[Key] = set()
    for row in _rows(session, _through(ticket), ContractBreachRow.ticket_id != ticket.id):
        links = _links(session, row.ticket_id)
        problem = _problem(session, links) if links else None
        if problem and (problem.key, list(problem.via)) != (row.problem, row.via):
            keys |= {_key_of(row), Key(row.account, Metric(row.metric), problem.key)}
            if write:
                row.problem, row.via = problem.key, list(problem.via)
    session.flush()
    return keys


def _values(one: Owed, problem: Problem) -> Json:
    facts = one.model_dump(exclude={"ticket", "problem"})
    return facts | {"ticket_id": one.ticket, "metric": one.metric.value, "problem": problem.key, "via": [*problem.via]}


def _differs(row: ContractBreachRow, values: Json) -> bool:
    return any(getattr(row, name) != value for name, value in values.items())


def _key(values: Json) -> Key:
    return Key(values["account"], Metric(values["metric"]), values["problem"])


def _key_of(row: ContractBreachRow) -> Key:
    return Key(row.account, Metric(row.metric), row.problem)


def _rows(session: Session, *where: ColumnElement[bool]) -> Sequence[ContractBreachRow]:
    query = select(ContractBreachRow).where(*where).order_by(ContractBreachRow.ticket_id, ContractBreachRow.metric)
    return session.scalars(query.execution_options(populate_existing=True)).all()


# -- The ledger ----------------------------------------------------------------------------------------------


def follow(session: Session, keys: Collection[Key], *, write: bool = True) -> Sequence[Credit]:
    """Bring the credits of these keys up to date with the breaches that stand, and then those that share a month with
    one of them. The locks of their accounts are held. Returns the credits that change."""
    changed: dict[str, Credit] = {}
    months: set[tuple[str, str]] = set()
    for key in sorted(keys):
        row = _latest(session, key)
        before = credit_of(row) if row else None
        basis = basis_of(_standing_for(session, key))
        if basis and basis.fee is None:
            known = find_account(session, key.account)
            basis = basis._replace(fee=month_fee(known) if known else None)
        if before and write:
            before = _as_handed(session, before)
        after = followed(*key, before, basis)
        if after is not None and (row is None or after != credit_of(row)):
            changed[after.id] = after
            months |= {(key.account, one.month) for one in (before, after) if one}
    if write:
        for account, month in sorted(months):
            reckon(session, account, month, changed)
    return list(changed.values())


def _as_handed(session: Session, credit: Credit) -> Credit:
    """Return the credit, with whether billing may have it. Until the transaction ends, nobody begins to send it."""
    if credit.state is not CreditState.APPROVED or credit.handed:
        return credit
    return credit.model_copy(update={"handed": billing.was_begun(session, credit.id)})


def follow_all(session: Session, keys: Collection[Key]) -> None:
    """Bring the credits of these keys up to date, each under the lock of its account."""
    _lock(session, {key.account for key in keys})
    follow(session, keys)


def reckon(session: Session, account: str, month: str, changed: Mapping[str, Credit] = _NOTHING) -> None:
    """Reckon again what each credit of an account and month is granted, with those that have `changed` and are not
    stored yet. The account's lock is held."""
    stored = {one.id: one for one in of_month(session, account, month)}
    of_now = {name: _as_handed(session, one) for name, one in {**stored, **changed}.items()}
    credits = [one for one in of_now.values() if (one.account, one.month) == (account, month)]
    for after in reckoned(credits):
        if stored.get(after.id) != after:
            save(session, after, SYSTEM)


def save(session: Session, credit: Credit, by: str, reason: str = "") -> None:
    """Store a credit, and one line of what became of it where its state changed. The account's lock is held."""
    row = session.get(CreditRow, credit.id, populate_existing=True)
    state = row.state if row else None
    values = credit.model_dump() | {"tickets": list(credit.tickets), "state": credit.state.value}
    if row is None:
        session.add(CreditRow(**values))
    else:
        for name, value in values.items():
            setattr(row, name, value)
    session.flush()
    _send_to_billing(session, state, credit)
    if state != credit.state:
        act = {"credit_id": credit.id, "state": credit.state.value, "amount": credit.amount, "by": by}
        session.execute(insert(CreditActRow).values(**act, reason=reason or credit.reason))


def _send_to_billing(session: Session, before: str | None, credit: Credit) -> None:
    """Hand over what is approved, and what is to be taken back; call back what billing need not hear of any more."""
    match credit.state:
        case CreditState.APPROVED if before != credit.state:
            billing.hand_over(session, credit.id, billing.GRANT)
        case CreditState.REVERSED if before != credit.state:
            billing.hand_over(session, credit.id, billing.TAKE_BACK)
        case CreditState.PROPOSED | CreditState.VOIDED if before == CreditState.APPROVED:
            billing.call_back(session, credit.id)


def accepted(session: Session, credit_id: str, step: int) -> None:
    """Note that billing has accepted a step of a credit: what was approved is applied."""
    credit = find_to_change(session, credit_id)
    if credit and step == billing.GRANT and credit.state in (CreditState.APPROVED, CreditState.REVERSED):
        save(session, applied(credit), billing.BILLING)


def since(session: Session, credit_id: str, state: CreditState) -> datetime | None:
    """Return when a credit came into a state, the latest time."""
    acts = (CreditActRow.credit_id == credit_id, CreditActRow.state == state.value)
    return session.scalar(select(func.max(CreditActRow.at)).where(*acts))


def _latest(session: Session, key: Key) -> CreditRow | None:
    query = select(CreditRow).where(*_of(CreditRow, key)).order_by(CreditRow.round.desc()).limit(1)
    return session.scalars(query.execution_options(populate_existing=True)).one_or_none()


def _standing_for(session: Session, key: Key) -> list[Owed]:
    return [_owed_of(row) for row in _rows(session, *_of(ContractBreachRow, key))]


def _of(table: type[ContractBreachRow] | type[CreditRow], key: Key) -> tuple[ColumnElement[bool], ...]:
    return table.account == key.account, table.metric == key.metric.value, table.problem == key.problem


def _owed_of(row: ContractBreachRow) -> Owed:
    return Owed(
        ticket=row.ticket_id, account=row.account, metric=Metric(row.metric), problem=row.problem,
        due=row.due, month=row.month, percent=row.percent, fee=row.fee,
    )  # fmt: skip


def credit_of(row: CreditRow) -> Credit:
    """Return the credit of a row."""
    return Credit.model_validate({name: getattr(row, name) for name in Credit.model_fields})


def of_month(session: Session, account: str, month: str) -> list[Credit]:
    """Return all credits of an account and month, by due instant, those that ended as well."""
    same = (CreditRow.account == account, CreditRow.month == month)
    query = select(CreditRow).where(*same).order_by(CreditRow.due, CreditRow.id)
    return [credit_of(row) for row in session.scalars(query.execution_options(populate_existing=True))]


# -- Deciding and looking ------------------------------------------------------------------------------------


def find(session: Session, credit_id: str) -> Credit | None:
    """Return a credit."""
    row = session.get(CreditRow, credit_id, populate_existing=True)
    return credit_of(row) if row else None


def find_to_change(session: Session, credit_id: str) -> Credit | None:
    """Return a credit as the breaches that stand have it now, with its account's lock: nobody else changes it until the
    transaction ends."""
    known = find(session, credit_id)
    if known is None:
        return None
    _lock(session, [known.account])
    follow(session, [Key(known.account, known.metric, known.problem)])
    return find(session, credit_id)


def acts_of(session: Session, credit_id: str) -> Sequence[CreditActRow]:
    """Return what became of a credit, the oldest first."""
    query = select(CreditActRow).where(CreditActRow.credit_id == credit_id).order_by(CreditActRow.id)
    return session.scalars(query).all()


def listed(
    session: Session, *, states: Sequence[str], account: str | None, month: str | None, after: str, limit: int
) -> list[Credit]:
    """Return credits by their ids; `after` is the last one of the page before."""
    query = select(CreditRow).where(CreditRow.id > after)
    for column, wanted in ((CreditRow.account, account), (CreditRow.month, month)):
        query = query if wanted is None else query.where(column == wanted)
    if states:
        query = query.where(CreditRow.state.in_(states))
    return [credit_of(row) for row in session.scalars(query.order_by(CreditRow.id).limit(limit))]


def holders(session: Session, tickets: Collection[str]) -> set[str]:
    """Return all who ever held one of these tickets."""
    query = select(EventRow.body["agent"].astext).where(
        EventRow.ticket_id.in_(tickets), EventRow.type.in_(["taken", "assigned"]), ~EventRow.superseded
    )
    return {name for name in session.scalars(query.distinct()) if name}


def open_clocks(session: Session, account: str | None, limit: int) -> Sequence[Any]:
    """Return active tickets with what an exposure needs of each: id, account, terms, clocks, incident."""
    state = TicketRow.state
    columns = (TicketRow.id, TicketRow.terms, state["account"].label("account"), state["clocks"].label("clocks"),
               state["incident"].label("incident"))  # fmt: skip
    query = select(*columns).where(TicketRow.status.in_(ACTIVE))
    if account is not None:
        query = query.where(TicketRow.account == account)
    return session.execute(query.order_by(TicketRow.id).limit(limit)).all()


def months_of(session: Session, months: Collection[tuple[str, str]]) -> list[Credit]:
    """Return all credits of these accounts and months."""
    query = select(CreditRow).where(tuple_(CreditRow.account, CreditRow.month).in_(sorted(months)))
    return [credit_of(row) for row in session.scalars(query)] if months else []


def current_keys(session: Session, accounts: Collection[str]) -> set[Key]:
    """Return what is owed, or was voided by a person, already."""
    query = select(CreditRow.account, CreditRow.metric, CreditRow.problem).where(CreditRow.current)
    rows = session.execute(query.where(CreditRow.account.in_(sorted(accounts))))
    return {Key(row.account, Metric(row.metric), row.problem) for row in rows}


def differing(session: Session, limit: int) -> Sequence[Key]:
    """Return the keys of the ledger that do not agree with the breaches that stand: owed and not in it, or in it and
    not owed."""
    breaches = select(ContractBreachRow.account, ContractBreachRow.metric, ContractBreachRow.problem)
    breaches = breaches.where(ContractBreachRow.percent > 0)
    ledger = select(CreditRow.account, CreditRow.metric, CreditRow.problem).where(CreditRow.current)
    either = union(breaches.except_(ledger), ledger.except_(breaches)).limit(limit)
    return [Key(row[0], Metric(row[1]), row[2]) for row in session.execute(either)]


def tickets_that_differ(session: Session, after: str, limit: int) -> tuple[Sequence[str], str | None]:
    """Return which of the next tickets have other breaches than their clocks say, and the last one that was looked at;
    None at the end."""
    found = text(_DIFFERING)
    rows = session.execute(found, {"after": after, "limit": limit}).all()
    return [row.id for row in rows if row.differs], rows[-1].id if len(rows) == limit else None


_DIFFERING = """
WITH part AS (SELECT id, state FROM tickets WHERE id > :after ORDER BY id LIMIT :limit),
clocks AS (
  SELECT part.id, array_agg(DISTINCT (k ->> 'metric') || ' ' || (k -> 'breach' ->> 'due')::timestamptz) AS missed
  FROM part, jsonb_array_elements(part.state -> 'clocks') k
  WHERE k ->> 'side' = 'contract' AND k -> 'breach' ->> 'standing' = 'stands' GROUP BY part.id
),
breaches AS (
  SELECT ticket_id AS id, array_agg(DISTINCT metric || ' ' || due) AS missed
  FROM contract_breaches WHERE ticket_id IN (SELECT id FROM part) GROUP BY ticket_id
)
SELECT part.id, clocks.missed IS DISTINCT FROM breaches.missed AS differs
FROM part LEFT JOIN clocks USING (id) LEFT JOIN breaches USING (id) ORDER BY part.id
"""
