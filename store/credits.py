"""The ledger of credits (F2), kept with the journal: which contract breaches stand, and what is owed for them.

The breaches of a ticket are written in the transaction of its events, and the credits that they stand for follow in the
same one. A credit outlives its breaches: what people decided is never lost, also not when the projection is rebuilt.
One writer at a time for each account, whose lock is taken after the ticket's.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, insert, select
from sqlalchemy.orm import Session

from domain.clocks.terms import Terms
from domain.core.enums import Metric, Resolution, Side
from domain.credits.breaches import Links, Missed, Owed, Problem, missed, month_fee, own_problem, problem_of, worth
from domain.credits.credit import Credit, basis_of, followed, reckoned
from domain.ticket.events import AccountMatched, Lapsed, Opened, TermsReplaced
from domain.ticket.state import Account, IncidentLink, Ticket
from store.accounts import find_account
from store.database import lock
from store.journal import upcast
from store.journal.terms import find_terms
from store.journal.upcast import Json
from store.tables.credits import ContractBreachRow, CreditActRow, CreditRow
from store.tables.journal import EventRow
from store.tables.tickets import TicketRow

SYSTEM = "tierline"
"""Who changes a credit where that follows from the breaches."""
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
    changed: list[Credit] = []
    months: set[tuple[str, str]] = set()
    for key in sorted(keys):
        row = _latest(session, key)
        before = credit_of(row) if row else None
        basis = basis_of(_standing_for(session, key))
        if basis and basis.fee is None:
            known = find_account(session, key.account)
            basis = basis._replace(fee=month_fee(known) if known else None)
        after = followed(*key, before, basis)
        if after is None or after == before:
            continue
        changed.append(after)
        months |= {(key.account, one.month) for one in (before, after) if one}
        if write:
            save(session, after, SYSTEM)
    for account, month in sorted(months) if write else ():
        changed += reckon(session, account, month)
    return changed


def reckon(session: Session, account: str, month: str) -> list[Credit]:
    """Reckon again what each credit of an account and month is granted. The account's lock is held. Returns the credits
    that change."""
    credits = of_month(session, account, month)
    changed = [after for before, after in zip(credits, reckoned(credits), strict=True) if after != before]
    for after in changed:
        save(session, after, SYSTEM)
    return changed


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
    if state != credit.state:
        act = {"credit_id": credit.id, "state": credit.state.value, "amount": credit.amount, "by": by}
        session.execute(insert(CreditActRow).values(**act, reason=reason or credit.reason))


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
