"""Lists: the queue (G10), what to take next, accounts and their tickets. Paged by where the last page ended."""

import re
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Path, Query

from api.callers import Person
from api.parts import PartsOf
from api.problems import ALWAYS, documented
from domain.core.enums import Plan, Priority, Status, Tier
from domain.core.ids import account_id
from domain.core.refusal import Refused
from domain.core.values import Frozen
from services import survey
from services.policy_file.zones import zone_info
from services.reading import demand
from services.reading import lists as queues
from services.reading import something_else as other
from services.reading.demand import Demand
from services.reading.lists import Accounts, Ask, KnownAccount, Listed, Search
from services.survey import Scores
from store.demand import Kind, Order
from store.queries import Line
from store.surveys import Group

router = APIRouter(prefix="/api/v1", tags=["lists"])

Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
After = Annotated[str | None, Query(max_length=500, description="What the page before gave as `next`.")]
Team = Annotated[str | None, Query(max_length=60, description="Only what is routed to this team.")]


def _account_id(
    account: Annotated[str, Path(max_length=600, description="The account's id, a slash in it as %2F.")],
) -> str:
    """Return the id. The guard leaves a slash and a percent sign of an address as they were written. Raises Refused."""
    known = re.sub("%(2[fF]|25)", lambda escaped: unquote(escaped[0]), account)
    if len(known) > 200:
        raise Refused("not_found", "no account has so long an id: send the id as the CRM has it")
    try:
        return account_id(known)
    except ValueError as error:
        raise Refused("not_found", f"an account's id {error}") from None


AccountId = Annotated[str, Depends(_account_id)]
Lane = Annotated[list[Plan] | None, Query(description="Only of this plan; repeated, a lane of several.")]


class Next(Frozen):
    """The ticket to take."""

    ticket: Line | None
    """None: there is nothing to take."""
    why: str = ""
    """Where something else was asked for: why this one, in a line."""


@router.get("/queue", operation_id="read_queue", responses=documented(*ALWAYS))
def read_queue(
    _: Person,
    parts: PartsOf,
    tier: Annotated[Tier | None, Query(description="Only of this tier.")] = None,
    assignee: Annotated[str | None, Query(max_length=100, description="Only what this agent holds.")] = None,
    team: Team = None,
    plan: Lane = None,
    status: Annotated[Status | None, Query(description="Only of this status.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> Listed:
    """Return the queue: tickets of open incidents first, then breached ones, then by deadline and by the plan's path.

    Resolved and closed tickets are in no queue: asked for by `status`, the newest come first.
    """
    ask = Ask(tier=tier, assignee=assignee, team=team, plans=tuple(plan or ()), status=status, limit=limit, after=after)
    return queues.queue(parts.db, ask)


@router.get("/queue/next", operation_id="read_next", responses=documented(*ALWAYS))
def read_next(
    caller: Person,
    parts: PartsOf,
    tier: Annotated[Tier | None, Query(description="Only of this tier.")] = None,
    team: Team = None,
    plan: Lane = None,
    something_else: Annotated[
        bool, Query(description="Of those that may come first, one of the area that the caller had least in five days.")
    ] = False,
) -> Next:
    """Return the ticket to take next: the first that nobody holds and that waits on an agent."""
    if something_else:
        zone = zone_info(parts.service.policy.report.zone)
        found = other.to_take(parts.db, caller.actor, zone, tier, tuple(plan or ()), team)
        return Next(ticket=found.line, why=found.why)
    return Next(ticket=queues.next_to_take(parts.db, tier, tuple(plan or ()), team))


@router.get("/tickets", operation_id="search_tickets", responses=documented(*ALWAYS))
def search_tickets(
    _: Person,
    parts: PartsOf,
    q: Annotated[
        str,
        Query(
            max_length=200,
            description="Words of a subject, a description or a message, all of them; the last one may be the "
            "beginning of a word. Or an id: the ticket's, its source's (`external_id`), its issue's.",
        ),
    ] = "",
    account: Annotated[str | None, Query(max_length=200, description="Only of this account.")] = None,
    requester: Annotated[
        str | None, Query(max_length=200, description="Only in which this customer spoke, by their id.")
    ] = None,
    status: Annotated[list[Status] | None, Query(description="Only of this status; repeated, of several.")] = None,
    tier: Annotated[Tier | None, Query(description="Only of this tier.")] = None,
    priority: Annotated[Priority | None, Query(description="Only of this priority.")] = None,
    plan: Lane = None,
    assignee: Annotated[str | None, Query(max_length=200, description="Only what this agent holds.")] = None,
    team: Team = None,
    limit: Limit = 50,
    after: After = None,
) -> Listed:
    """Search tickets, open or not, the newest first. What is given must all be so; without anything, all are found."""
    asked = Search(
        q=q, account=account, requester=requester, status=tuple(status or ()), tier=tier, priority=priority,
        plan=tuple(plan or ()), assignee=assignee, team=team, limit=limit, after=after,
    )  # fmt: skip
    return queues.search(parts.db, asked)


@router.get("/wanted", operation_id="read_wanted", responses=documented(*ALWAYS))
def read_wanted(
    _: Person,
    parts: PartsOf,
    kind: Annotated[Kind, Query(description="Feature requests, bugs, or both.")] = "request",
    by: Annotated[Order, Query(description="By what they are ranked.")] = "accounts",
    limit: Annotated[int, Query(ge=1, le=demand.MOST, description="How many at most.")] = 50,
) -> Demand:
    """Return what engineering has open and accounts wait for (F4, F10), ranked: accounts, revenue, plans and
    tickets."""
    return demand.read(parts.db, kind, by, limit)


@router.get("/satisfaction", operation_id="read_satisfaction", responses=documented(*ALWAYS))
def read_satisfaction(
    _: Person,
    parts: PartsOf,
    by: Annotated[Group, Query(description="How the scores are grouped; `all`: not.")] = "all",
    days: Annotated[
        int, Query(ge=1, le=survey.LONGEST_PERIOD, description="Of the tickets that were closed in so many days.")
    ] = 28,
) -> Scores:
    """Return how satisfied customers were (F7): of each group, tickets closed, answers, 4 or 5, 1 or 2, the average.

    `effort` is how easy it was to get it solved, 1 to 7 on average, where five or more customers said so.
    """
    return survey.scores(parts.db, by, days, parts.db.clock.now())


@router.get("/accounts", operation_id="read_accounts", responses=documented(*ALWAYS))
def read_accounts(_: Person, parts: PartsOf, limit: Limit = 50, after: After = None) -> Accounts:
    """Return accounts that are known, or that a ticket names, by id, each with how many of its tickets are active."""
    return queues.all_accounts(parts.db, after or "", limit)


@router.get("/accounts/{account}", operation_id="read_account", responses=documented(*ALWAYS, "not_found"))
def read_account(account: AccountId, _: Person, parts: PartsOf) -> KnownAccount:
    """Return an account as the CRM or an import last had it; otherwise as its newest ticket has it."""
    return queues.account(parts.db, account)


@router.get("/accounts/{account}/tickets", operation_id="read_account_tickets", responses=documented(*ALWAYS))
def read_account_tickets(
    account: AccountId,
    _: Person,
    parts: PartsOf,
    status: Annotated[Status | None, Query(description="Only of this status.")] = None,
    limit: Limit = 50,
    after: After = None,
) -> Listed:
    """Return an account's tickets, the newest first."""
    return queues.tickets_of(parts.db, account, status, after, limit)
