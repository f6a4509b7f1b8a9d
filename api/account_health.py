"""The hook for a CRM: an account's health and usage."""

from typing import Annotated

from fastapi import APIRouter

from api.callers import allowed
from api.lists import AccountId
from api.parts import PartsOf
from api.problems import WITH_BODY, documented
from api.reading import Readable
from domain.aggregate.command import LEADS
from domain.core.enums import Role
from services import account_health
from services.account_health import HealthKept, HealthReport
from services.security.auth import Caller

router = APIRouter(prefix="/api/v1/accounts", tags=["accounts"], route_class=Readable)

TELLERS = LEADS | {Role.INTEGRATION, Role.CSM}
"""Who says how an account is doing."""


@router.post("/{account}/health", operation_id="report_health", responses=documented(*WITH_BODY, "conflict"))
def report_health(
    account: AccountId, body: HealthReport, caller: Annotated[Caller, allowed(TELLERS)], parts: PartsOf
) -> HealthKept:
    """Say how an account is doing and how it uses the product. The latest word counts; the account's page shows it with
    its age. How a renewal ended is kept as a history. For integrations (a CRM), success managers and leads."""
    return account_health.keep(parts.db, caller, account, body, parts.db.clock.now())
