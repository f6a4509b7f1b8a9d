"""A ticket that is closed, and the address at which its customer answers the survey (F7)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from services.security.survey_links import SurveyLinks
from store import journal
from tests.support.desk_visitor import Visitor
from tests.support.served_api import Api
from tests.support.waiting import until

SECRET = "of-surveys-in-tests-0123456789abcdef"
SURVEYS = {"SURVEY_URL": "https://support.example.com", "SURVEY_SECRET": SECRET}
"""The settings of an API that shows surveys."""
LINKS = SurveyLinks(SURVEYS["SURVEY_URL"], (SecretStr(SECRET),), timedelta(days=30))


def token_of(ticket: str, closed: datetime | None = None) -> str:
    """The last part of the address of a ticket's survey."""
    return LINKS.token(ticket, closed or datetime.now(UTC))


async def closed_ticket(api: Api, **form: Any) -> str:
    """A ticket that was taken, resolved and closed, and is so on record."""
    ticket = await api.open(**{"category": "how-to", **form})
    await api.take(ticket)
    for command, payload in (("resolve", {"resolution": "solved", "message": "Press F5."}), ("close", {})):
        given = await api.post(f"/api/v1/tickets/{ticket}/{command}", payload)
        assert given.status_code == 200, given.text

    def on_record() -> bool:
        with api.db.session() as session:
            known = journal.load(session, ticket)
        return known is not None and known.closed

    await until(on_record, f"{ticket} is closed on record")
    return ticket


async def answer_survey(
    api: Api, ticket: str, csat: int, comment: str = "", *, token: str | None = None, **more: str
) -> Any:
    """Send the form of a ticket's survey, as its customer does, at `token` or a new link. Returns the answer."""
    customer, address = Visitor(api), f"/survey/{token or token_of(ticket)}"
    page = await customer.get(address)
    assert page.status_code == 200, page.text
    fields = Visitor.hidden(page, address) | {"csat": str(csat), "comment": comment} | more
    return await customer.post(address, fields)
