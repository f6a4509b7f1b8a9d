"""A hook for the CRM: what it says of an account's health and usage. The latest word counts, and is shown with its age.

It is no event of a ticket. Erasing the account erases it.
"""

import logging
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints

from domain.core.enums import Health
from domain.core.input_types import OneLine
from domain.core.refusal import Refused
from domain.core.text import one_line
from domain.core.values import Frozen, Instant
from services.security.auth import Caller
from store import account_health
from store.database import Database

log = logging.getLogger("tierline.accounts")

MOST_FIGURES = 20
AHEAD = timedelta(minutes=5)
"""How far the clock of a CRM may be ahead of ours."""
Line = Annotated[str, StringConstraints(max_length=200), AfterValidator(lambda line: one_line(line, 200))]
"""What is too long is refused as it comes in, before what cannot be stored is left out of it."""
Figure = Annotated[str, StringConstraints(min_length=1, max_length=60), OneLine]
Value = Annotated[int, Field(ge=-(10**12), le=10**12)] | Annotated[float, Field(allow_inf_nan=False)] | Line


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


class HealthKept(Frozen):
    """What became of it."""

    account: str
    latest: bool
    """False: something later is known already, and stays."""


def keep(db: Database, caller: Caller, account: str, report: HealthReport, now: datetime) -> HealthKept:
    """Keep what is said of an account. The same again changes nothing. Raises Refused (`malformed`), DatabaseDown."""
    at = report.at or now
    if at > now + AHEAD:
        message = "it lies in the future"
        raise Refused("malformed", f"at: {message}", fields={"at": message})
    with db.begin() as session:
        latest = account_health.keep(
            session, account, report.health, report.usage, report.reason, caller.actor, at
        )  # fmt: skip
    return HealthKept(account=account, latest=latest)
