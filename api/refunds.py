"""Refunds (F6): lists of them, and what finance says of those that were approved.

What is decided about a refund is a command to its ticket: `request_refund`, `approve_refund` and so on.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from api.callers import Person
from api.credits import AccountName, DecisionBody, decider
from api.parts import PartsOf
from api.problems import ALWAYS, WITH_BODY, documented
from api.reading import Readable
from services import refunds
from services.refunds import RefundList
from store.refunds import RefundLine, RefundState

router = APIRouter(prefix="/api/v1/refunds", tags=["refunds"], route_class=Readable)

BillingId = Annotated[str, Path(description="The id under which billing gets the refund.", max_length=100)]
_PLAIN = DecisionBody()


@router.get("", operation_id="read_refunds", responses=documented(*ALWAYS))
def read_refunds(
    _: Person,
    parts: PartsOf,
    state: Annotated[list[RefundState] | None, Query(description="Only in this state; repeated, in several.")] = None,
    account: AccountName = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 50,
    after: Annotated[int, Query(ge=0, le=2**62, description="What the page before gave as `next`.")] = 0,
) -> RefundList:
    """Return refunds, in the order in which they were requested (F6)."""
    return refunds.listed(parts.db, states=state or (), account=account, after=after, limit=limit)


@router.post(
    "/{refund}/apply",
    operation_id="apply_refund",
    responses=documented(*WITH_BODY, "not_found", "does_not_fit"),
)
def apply_refund(refund: BillingId, caller: Person, parts: PartsOf, body: DecisionBody = _PLAIN) -> RefundLine:
    """Say that billing has an approved refund, where that is done by hand. For finance, leads and who has a limit."""
    return refunds.apply(parts.db, parts.service.policy.refunds, refund, decider(caller, body.by), caller.role)


@router.post(
    "/{refund}/send",
    operation_id="send_refund",
    responses=documented(*WITH_BODY, "not_found", "does_not_fit"),
)
def send_refund(refund: BillingId, caller: Person, parts: PartsOf, body: DecisionBody = _PLAIN) -> RefundLine:
    """Send billing an approved or reversed refund again, where that was given up. For the same roles."""
    decider(caller, body.by)
    return refunds.send(parts.db, parts.service.policy.refunds, refund, caller.role)
