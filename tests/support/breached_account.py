"""An account that is owed a credit (F2)."""

from uuid import uuid4

from services import credits
from store import journal
from tests.support.served_api import Api
from tests.support.ticket_life import MONDAY, life


def breached(api: Api) -> tuple[str, str]:
    """An account with a breach of March, which ada holds; and its credit."""
    account = f"page-{uuid4().hex[:8]}"
    one = life(uuid4().hex, account=account, arr=120_000).do("take").wait_until(MONDAY.replace(hour=15))
    with api.db.begin() as session:
        journal.append(session, one.ticket.id, "run", one.events)
    (credit,) = credits.listed(api.db, account=account).credits
    return account, credit.id
