"""Credits (F2) and statements (F8): what breaches are owed, what people decide about it, and what is to come."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import ConfigDict, Field

from api.callers import Person
from api.lists import AccountId
from api.parts import PartsOf
from api.problems import ALWAYS, WITH_BODY, documented
from api.reading import Readable
from domain.core.input_types import Name, Text
from domain.core.values import Frozen
from domain.credits.credit import Credit, CreditState
from services import credits
from services.credits import CreditDetail, CreditList, Exposure
from services.security.auth import Caller, speak
from services.statement import Statement, month_of
from services.statement_texts import as_csv, as_json

router = APIRouter(prefix="/api/v1", tags=["credits"], route_class=Readable)

CreditId = Annotated[str, Path(description="The credit's id.", max_length=60)]
AccountName = Annotated[str | None, Query(max_length=200, description="Only of this account.")]
Month = Annotated[str, Query(max_length=7, description="The month, as in 2026-11.")]


class DecisionBody(Frozen):
    """A decision about a credit, or about a refund."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"by": "lea"}]})

    by: Annotated[Name | None, Field(description="Who decides. The token says so: another name is refused.")] = None


class VoidBody(DecisionBody):
    """Why a credit is called off."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"reason": "Paid twice."}]})

    reason: Annotated[Text, Field(description="Why. It stands in the ledger.")] = ""


_PLAIN = DecisionBody()


@router.get("/credits", operation_id="read_credits", responses=documented(*ALWAYS))
def read_credits(
    _: Person,
    parts: PartsOf,
    state: Annotated[list[CreditState] | None, Query(description="Only in this state; repeated, in several.")] = None,
    account: AccountName = None,
    month: Annotated[str | None, Query(max_length=7, description="Only of this month, as in 2026-11.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most.")] = 50,
    after: Annotated[str, Query(max_length=60, description="What the page before gave as `next`.")] = "",
) -> CreditList:
    """Return the ledger of credits, by id (F2)."""
    return credits.listed(parts.db, states=state or (), account=account, month=month, after=after, limit=limit)


@router.get("/exposure", operation_id="read_exposure", responses=documented(*ALWAYS))
def read_exposure(_: Person, parts: PartsOf, account: AccountName = None) -> Exposure:
    """Return what open contract clocks would cost if nobody acts, in total and by account."""
    return credits.exposure(parts.db, account)


@router.get("/credits/{credit}", operation_id="read_credit", responses=documented(*ALWAYS, "not_found"))
def read_credit(credit: CreditId, _: Person, parts: PartsOf) -> CreditDetail:
    """Return a credit, and what became of it."""
    return credits.detail(parts.db, credit)


@router.post(
    "/credits/{credit}/approve",
    operation_id="approve_credit",
    responses=documented(*WITH_BODY, "not_found", "does_not_fit"),
)
def approve_credit(credit: CreditId, caller: Person, parts: PartsOf, body: DecisionBody = _PLAIN) -> Credit:
    """Approve a credit. For the roles that the policy names, and for nobody who held a ticket of it."""
    rules = parts.service.policy.credits
    return credits.approve(parts.db, rules, credit, decider(caller, body.by), caller.role)


@router.post(
    "/credits/{credit}/void",
    operation_id="void_credit",
    responses=documented(*WITH_BODY, "not_found", "does_not_fit", "missing_fields"),
)
def void_credit(credit: CreditId, body: VoidBody, caller: Person, parts: PartsOf) -> Credit:
    """Void a credit with a reason; one that billing has is reversed. For the roles that the policy names."""
    rules = parts.service.policy.credits
    return credits.call_off(parts.db, rules, credit, decider(caller, body.by), caller.role, body.reason)


@router.post(
    "/credits/{credit}/apply",
    operation_id="apply_credit",
    responses=documented(*WITH_BODY, "not_found", "does_not_fit"),
)
def apply_credit(credit: CreditId, caller: Person, parts: PartsOf, body: DecisionBody = _PLAIN) -> Credit:
    """Say that billing has an approved credit, where that is done by hand. Also for finance."""
    rules = parts.service.policy.credits
    return credits.apply(parts.db, rules, credit, decider(caller, body.by), caller.role)


@router.post(
    "/credits/{credit}/send",
    operation_id="send_credit",
    responses=documented(*WITH_BODY, "not_found", "does_not_fit"),
)
def send_credit(credit: CreditId, caller: Person, parts: PartsOf, body: DecisionBody = _PLAIN) -> Credit:
    """Send billing an approved or reversed credit again, where that was given up. Also for finance."""
    decider(caller, body.by)
    return credits.send(parts.db, parts.service.policy.credits, credit, caller.role)


@router.get(
    "/accounts/{account}/statement",
    operation_id="read_statement",
    response_model=Statement,
    responses=documented(*ALWAYS, "not_found") | {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def read_statement(
    account: AccountId,
    _: Person,
    parts: PartsOf,
    month: Month,
    format: Annotated[Literal["json", "csv"], Query(description="How it is written.")] = "json",
) -> Response:
    """Return the statement of an account for a month: tickets, clocks kept and missed, credits, incidents (F8)."""
    found = month_of(parts.db, parts.service.policy, account, month)
    if format == "json":
        return Response(as_json(found), media_type="application/json")
    return Response(as_csv(found), media_type="text/csv; charset=utf-8")


def decider(caller: Caller, named: str | None) -> str:
    """Return who decides. Raises Refused (`not_allowed`) where somebody else is named."""
    by: str = speak(caller, {"by": named})["by"]
    return by
