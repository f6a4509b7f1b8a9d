"""F4 and F10: what engineering has open is ranked by the accounts that wait and by what they pay a year."""

from datetime import timedelta
from decimal import Decimal

from domain.core.enums import Plan
from domain.ticket.state import Account
from services.reading import demand
from store import accounts
from store.database import Database
from tests.support.demand import waits
from tests.support.ticket_life import MONDAY


def test_f4_an_account_counts_once_and_unknown_revenue_is_counted_apart(database: Database) -> None:
    with database.begin() as session:
        for name, arr in (("acme", 90_000), ("globex", 20_000), ("initech", None)):
            known = Account(id=name, plan=Plan.PREMIUM, arr=None if arr is None else Decimal(arr))
            accounts.save_accounts(session, [known])
    waits(database, "1", "acme", "ENG-1")
    newest = waits(database, "2", "acme", "ENG-1", ended="feature_request")
    for number, account in (("3", "globex"), ("4", "initech")):
        waits(database, number, account, "ENG-2")
    first, second = demand.read(database).issues
    assert (first.key, first.accounts, first.arr, first.unknown, first.tickets) == ("ENG-2", 2, 20_000, 1, 2)
    assert (second.key, second.accounts, second.arr, second.unknown) == ("ENG-1", 1, 90_000, 0)
    assert (second.tickets, second.active, second.since, second.ticket) == (2, 1, MONDAY + timedelta(minutes=1), newest)
    assert second.plans == ("premium",)
    assert [one.key for one in demand.read(database, by="arr").issues] == ["ENG-1", "ENG-2"]


def test_f10_nobody_waits_for_what_is_done_or_was_solved_without_it(database: Database) -> None:
    waits(database, "1", "acme", "ENG-1", answered=True)
    waits(database, "2", "acme", "ENG-2", category="done")
    waits(database, "3", "acme", "ENG-3", ended="solved")
    waits(database, "4", "acme", "ENG-4", shipped=True, ended="workaround")
    waits(database, "5", "acme", "ENG-5", kind="bug")
    assert demand.read(database).issues == ()
    assert [one.key for one in demand.read(database, "bug").issues] == ["ENG-5"]
    assert [one.key for one in demand.read(database, "any").issues] == ["ENG-5"]
