"""A hook for the CRM: what it says of an account's health and usage. The latest word counts, and is shown with its age.

It is no event of a ticket. Erasing the account erases it. How renewals ended is told with it, and kept as a history.
"""

import logging
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints
from sqlalchemy.orm import Session

from domain.core.enums import Health
from domain.core.input_types import Identity, OneLine
from domain.core.refusal import Refused
from domain.core.text import one_line
from domain.core.values import Frozen, Instant
from domain.report.renewals import RenewalOutcome
from services.security.auth import Caller
from store import account_health, renewals
from store.database import Database, lock

log = logging.getLogger("tierline.accounts")

MOST_FIGURES = 20
AHEAD = timedelta(minutes=5)
"""How far the clock of a CRM may be ahead of ours."""
FAR = timedelta(days=10 * 366)
"""A renewal that is further away, in the past or the future, is a slip."""
Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(lambda line: one_line(line, 200))]
"""What is too long is refused as it comes in, before what cannot be stored is left out of it."""
Figure = Annotated[str, StringConstraints(min_length=1, max_length=60), OneLine]
Value = Annotated[int, Field(ge=-(10**12), le=10**12)] | Annotated[float, Field(allow_inf_nan=False)] | Line


class RenewalReport(Frozen):
    """How a renewal of an account ended."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[Identity, Field(description="The sender's own id of this word: the same again changes nothing.")]
    on: Annotated[date, Field(description="The day of the renewal.")]
    outcome: Annotated[RenewalOutcome, Field(description="How it ended.")]
    arr: Annotated[
        Decimal | None,
        Field(ge=0, le=10**12, decimal_places=2, allow_inf_nan=False, description="The yearly revenue from then on."),
    ] = None


class HealthReport(Frozen):
    """What a CRM says of an account."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    health: Annotated[Health, Field(description="How the account is doing.")]
    reason: Annotated[Line, Field(description="Why, in a line.")] = ""
    usage: Annotated[
        dict[Figure, Value],
        Field(max_length=MOST_FIGURES, description="Figures of use: a name, and a number or a word."),
    ] = {}
    at: Annotated[Instant | None, Field(description="As of when; now, if not said.")] = None
    renewal: Annotated[
        RenewalReport | None, Field(description="A renewal and how it ended. Each is kept, and none is changed.")
    ] = None


class HealthKept(Frozen):
    """What became of it."""

    account: str
    latest: bool
    """False: something later is known already, and stays."""
    renewal: Literal["kept", "known"] | None = None
    """Of a renewal: whether it is new; null where none was told of."""


def keep(db: Database, caller: Caller, account: str, report: HealthReport, now: datetime) -> HealthKept:
    """Keep what is said of an account. The same again changes nothing.

    Raises Refused (`malformed`; `conflict` where the id of the renewal was used for another word; `too_large`),
    DatabaseDown.
    """
    at = report.at or now
    if at > now + AHEAD:
        message = "it lies in the future"
        raise Refused("malformed", f"at: {message}", fields={"at": message})
    if report.renewal:
        _check(report.renewal, now)
    with db.begin() as session:
        latest = account_health.keep(
            session, account, report.health, report.usage, report.reason, caller.actor, at
        )  # fmt: skip
        renewal = _keep_renewal(session, caller, account, report.renewal, now) if report.renewal else None
    return HealthKept(account=account, latest=latest, renewal=renewal)


def _check(renewal: RenewalReport, now: datetime) -> None:
    """Refuse a renewal that is a slip. Raises Refused (`malformed`)."""
    if abs(renewal.on - now.date()) > FAR:
        message = f"it is more than {FAR.days // 366} years away"
        raise Refused("malformed", f"renewal.on: {message}", fields={"renewal.on": message})
    if renewal.outcome is RenewalOutcome.LEFT and renewal.arr:
        message = "who has left pays nothing"
        raise Refused("malformed", f"renewal.arr: {message}", fields={"renewal.arr": message})


def _keep_renewal(
    session: Session, caller: Caller, account: str, renewal: RenewalReport, now: datetime
) -> Literal["kept", "known"]:
    """Add a word about a renewal to those that are kept, once. Raises Refused (`conflict`, `too_large`)."""
    lock(session, "account renewals", account)
    known = renewals.find(session, account, renewal.id)
    if known:
        if (known.renews_on, known.outcome, known.arr) != (renewal.on, renewal.outcome.value, renewal.arr):
            raise Refused("conflict", "renewal.id: another word came under this id; send a correction under a new one")
        return "known"
    if renewals.count(session, account) >= renewals.MOST:
        raise Refused("too_large", f"of an account {renewals.MOST} words about renewals are kept at most")
    renewals.add(
        session, account, renewal.id, renews_on=renewal.on, outcome=renewal.outcome.value, arr=renewal.arr,
        by=caller.actor, at=now,
    )  # fmt: skip
    return "kept"
