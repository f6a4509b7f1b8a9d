"""A sample ticket of the desk: who the customers are, and what was said by mail before the ticket was opened here."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from cli.samples import BUG, PACKAGE, Sample
from domain.core.enums import Health, Plan, Role
from domain.ticket.state import Account


def _account(
    name: str, plan: Plan, arr: int, zone: str, csm: str | None = None, health: Health = Health.GREEN
) -> Account:
    return Account(id=name, plan=plan, arr=Decimal(arr), zone=zone, csm=csm, health=health)


ACCOUNTS = (
    _account("norvik-ferries", Plan.PREMIUM, 84_000, "Europe/Oslo", "iris"),
    _account("bluefen-dairy", Plan.ENTERPRISE, 412_000, "America/Chicago", "iris"),
    _account("tarn-valley-clinics", Plan.ENTERPRISE, 365_000, "Europe/London", "jonas", Health.YELLOW),
    _account("saltmarsh-hotels", Plan.ENTERPRISE, 290_000, "Europe/Lisbon", "jonas", Health.RED),
    _account("orrin-instruments", Plan.PREMIUM, 126_000, "Europe/Dublin", "iris"),
    _account("amberline-tours", Plan.STANDARD, 18_000, "Europe/Rome"),
    _account("kestrel-moor-books", Plan.STANDARD, 9_600, "Europe/London"),
    _account("feldhaus-druck", Plan.STANDARD, 14_400, "Europe/Berlin"),
    _account("larkfield-council", Plan.PREMIUM, 72_000, "Europe/London", "jonas"),
    _account("cobalt-courier", Plan.PREMIUM, 97_500, "America/New_York", "iris", Health.YELLOW),
    _account("pinegate-school", Plan.FREE, 0, "Europe/Amsterdam"),
)


class DeskSample(Sample):
    """A ticket of the desk, and what was said on it."""

    me = ""
    """Who looks at the desk."""
    customer = ""
    """Who wrote."""
    another: Callable[[str], "DeskSample"]
    """Makes a second ticket of the same story."""

    async def arrive(self, ago: float, account: str, who: str, subject: str, text: str, **form: Any) -> None:
        """Open a ticket that a customer wrote so many minutes ago."""
        self.customer = who
        named = {"subject": subject, "description": text, "opened_at": minutes_ago(ago), "by": who}
        plan = next(one.plan for one in ACCOUNTS if one.id == account)
        await self.open(plan.value, form.pop("priority", None), account=account, **named | form)

    async def answer(self, ago: float, text: str, by: str = "ada") -> None:
        """Let one of ours have written to the customer so many minutes ago."""
        await self.do("respond", by, text=text, **_by_mail(ago))

    async def reply(self, ago: float, text: str, **more: Any) -> None:
        """Let the customer have written so many minutes ago."""
        await self.do("reply", self.customer, role=Role.CUSTOMER.value, text=text, **_by_mail(ago) | more)

    async def ask_customer(self, ago: float, text: str, by: str = "ada", **more: Any) -> None:
        """Let one of ours have asked the customer so many minutes ago, and wait."""
        await self.do("wait", by, question=text, **_by_mail(ago) | more)

    async def to_engineering(self, by: str = "ben", **more: Any) -> None:
        """Hand the ticket up twice, and wait for its issue."""
        await self.do("take")
        await self.do("escalate", fields=PACKAGE | more.pop("first", {}))
        await self.do("take", by)
        await self.do("escalate", by, fields=BUG | more.pop("second", {}), **more)
        await self.until("in Jira", lambda t: t.issue is not None and not t.pending_effects)


def minutes_ago(minutes: float) -> str:
    """Return the instant so many minutes ago, as commands take it."""
    return (datetime.now(UTC) - timedelta(minutes=minutes)).isoformat()


def _by_mail(ago: float) -> dict[str, str]:
    return {"occurred": minutes_ago(ago), "source": "mail"}
