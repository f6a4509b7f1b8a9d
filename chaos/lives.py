"""What people do with each ticket of a run, from its opening to its end."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from chaos.people import SOURCE, People
from chaos.plan import Way
from domain.core.enums import Side, Tier
from store.database import DatabaseDown
from tests.support.packages import RECORD, T2_PACKAGE, T3_PACKAGE
from tests.support.people import RealTicket
from tests.support.waiting import until

SPEED = 240
"""How much faster the clocks of tickets run whose deadlines are to pass: 15 minutes are 3.75 seconds."""
T1_LIMIT = timedelta(minutes=15) / SPEED
"""G1."""
CONTRACT = timedelta(hours=1) / SPEED
"""First response to an enterprise customer, in support hours that never end."""


class Missed(NamedTuple):
    """A deadline that passed, worked out from the policy's numbers alone."""

    ticket: str
    what: str
    due: datetime


class Lived(NamedTuple):
    """A ticket whose way has ended."""

    ticket: str
    way: Way
    missed: tuple[Missed, ...] = ()


def _account(plan: str, number: int) -> dict[str, str]:
    return {"id": f"account-{number}-{plan}", "plan": plan}


async def _solved(people: People, number: int) -> Lived:
    ticket = await people.open(account=_account("standard", number), priority="P3", category="how-to")
    await people.do(ticket, "take")
    await people.do(ticket, "respond", text="It is in the settings.")
    await people.do(ticket, "resolve", **RECORD)
    await people.do(ticket, "close")
    return Lived(ticket, Way.SOLVED)


async def _engineering(people: People, number: int) -> Lived:
    ticket = await people.open(account=_account("standard", number), priority="P2", product_area=f"area-{number}")
    case = people.case(ticket)
    await people.do(ticket, "take")
    await people.do(ticket, "respond", text="We are on it.")
    await people.do(ticket, "escalate", fields=T2_PACKAGE)
    await people.do(ticket, "take", by="ben")
    await people.do(ticket, "escalate", by="ben", fields=T3_PACKAGE)
    await case.engineering("Done")
    people.met()
    await case.until("back from engineering", lambda t: t.tier is Tier.T2)
    await people.do(ticket, "resolve", by="ben", **RECORD)
    await people.do(ticket, "close", by="ben")
    return Lived(ticket, Way.ENGINEERING)


async def _outage(people: People, number: int) -> Lived:
    account = _account("premium", number)
    people.know(account)  # else its P0 counts as a guess, and pages minutes later (G6)
    ticket = await people.open(account=account, priority="P0", product_area=f"area-{number}")
    case = people.case(ticket)
    joined = await case.until("in an incident", lambda t: t.incident)
    await case.until_paged()
    assert joined.incident is not None
    await people.do(ticket, "respond", text="We know, and work on it.")
    await people.do(ticket, "fill", fields=T2_PACKAGE | T3_PACKAGE)
    await people.respond_to(joined.incident.number, "acknowledge")
    await people.respond_to(joined.incident.number, "resolve", comment="Rolled back.")
    await case.until("back from its incident", lambda t: t.tier is Tier.T2)
    await people.do(ticket, "resolve", by="ben", **RECORD)
    await people.do(ticket, "close", by="ben")
    return Lived(ticket, Way.OUTAGE)


async def _missed(people: People, number: int) -> Lived:
    """Live a ticket that nobody answers in time. Its clocks run fast, so it is opened past the API."""
    form: dict[str, Any] = {"source": SOURCE, "external_id": people.new_id()}

    async def opened_past_the_api() -> RealTicket:
        return await people.office.open("enterprise", "P1", **form, product_area=f"area-{number}")

    case = await until(opened_past_the_api, "a ticket opened past the API", among=(DatabaseDown,))
    people.met()
    await people.office.handle(case.id, "take", {"by": "ada"})
    people.met()
    await until(lambda: _is_missed(case), f"{case.id} has missed its limit and its contract", among=(DatabaseDown,))
    events = await until(lambda: case.events("opened", "taken"), f"{case.id} read", among=(DatabaseDown,))
    opened, taken = (entry.event.at for entry in events)
    due = (Missed(case.id, "limit", taken + T1_LIMIT), Missed(case.id, "contract", opened + CONTRACT))
    await people.office.handle(case.id, "respond", {"by": "ada", "text": "Sorry that it took so long."})
    people.met()
    await people.office.handle(case.id, "resolve", {"by": "ada", **RECORD})
    people.met()
    await people.office.handle(case.id, "close", {"by": "ada"})
    people.met()
    return Lived(case.id, Way.MISSED, due)


def _is_missed(case: RealTicket) -> bool:
    bodies = [entry.event.body for entry in case.events("limit_reached", "lapsed")]
    contract = any(body.type == "lapsed" and body.side is Side.CONTRACT for body in bodies)
    return contract and any(body.type == "limit_reached" for body in bodies)


LIVES: dict[Way, Callable[[People, int], Awaitable[Lived]]] = {
    Way.SOLVED: _solved,
    Way.ENGINEERING: _engineering,
    Way.OUTAGE: _outage,
    Way.MISSED: _missed,
}
