"""Tickets to write down: decided by the core, at exact instants, under the shipped policy."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from domain.aggregate.aggregate import Recording
from domain.core.actor import Actor
from domain.core.enums import Category, Channel, Plan, Priority, Role
from domain.ticket import commands as c
from domain.ticket.aggregate import TICKET, open_ticket
from domain.ticket.events import Event, Opened
from domain.ticket.state import Account, Ticket
from services.policy_file.load import resolve_terms
from tests.support.packages import BOTH_PACKAGES
from tests.support.policy import POLICY

MONDAY = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
"""11:00 in Berlin: every calendar is open."""
AGENT = Actor(id="ada", role=Role.AGENT)
RUN = "run-1"


def opened(
    external_id: str = "1",
    *,
    plan: Plan = Plan.PREMIUM,
    priority: Priority = Priority.P2,
    category: Category = Category.BUG,
    account: str = "acme",
    csm: str | None = None,
    arr: int | None = None,
    guessed: bool = False,
    at: datetime = MONDAY,
    detected: datetime | None = None,
    subject: str = "It broke",
    description: str = "Since this morning.",
    unknown: bool = False,
) -> Recording[Ticket]:
    """A ticket that has just opened."""
    customer = Account(id=account, plan=plan, csm=csm, arr=None if arr is None else Decimal(arr))
    body = Opened(
        source="api",
        external_id=external_id,
        terms=resolve_terms(POLICY, customer, at),
        channel=Channel.EMAIL,
        account=customer,
        category=category,
        priority=priority,
        priority_guessed=guessed,
        account_unknown=unknown,
        product_area="billing",
    )
    return open_ticket(body, at, detected or at, AGENT, {"subject": subject, "description": description})


class Life:
    """One ticket and all of its events, going on from an opening."""

    def __init__(self, recording: Recording[Ticket]) -> None:
        self.ticket: Ticket = recording.state
        self.events: list[Event] = list(recording.events)

    def do(self, name: str, after: timedelta = timedelta(0), **given: Any) -> "Life":
        """One more command, so much later than the last event."""
        command = c.parse({"do": name, "by": "ada", **given})
        return self._add(TICKET.decide(self.ticket, command, self.ticket.as_of + after))

    def tell(self, command: c.Command, after: timedelta = timedelta(0)) -> "Life":
        return self._add(TICKET.decide(self.ticket, command, self.ticket.as_of + after))

    def wait_until(self, at: datetime) -> "Life":
        """Let every deadline up to `at` lapse."""
        recording = Recording(TICKET, self.ticket, at, at)
        recording.settle(at)
        return self._add(recording)

    def fork(self) -> "Life":
        """The same past, from which another future may be lived."""
        other = object.__new__(Life)
        other.ticket, other.events = self.ticket, list(self.events)
        return other

    def _add(self, recording: Recording[Ticket]) -> "Life":
        self.ticket = recording.state
        self.events += recording.events
        return self


def life(external_id: str = "1", **given: Any) -> Life:
    return Life(opened(external_id, **given))


def resolved(one: Life) -> Life:
    """Taken, and resolved with its record."""
    one.do("take", timedelta(minutes=1))
    return one.do(
        "resolve",
        timedelta(minutes=2),
        resolution="solved",
        message="It works again.",
        what_was_done="Restarted.",
        root_cause="A full disk.",
        kb_reason="gap",
    )


def closed(one: Life) -> Life:
    return resolved(one).do("close", timedelta(minutes=1))


COMMANDS: dict[str, dict[str, Any]] = {
    "take": {"over": True},
    "respond": {"text": "We look into it."},
    "note": {"text": "Seen before."},
    "step": {"text": "Cleared the cache."},
    "attach": {"text": "log.txt"},
    "fill": {"fields": BOTH_PACKAGES},
    "wait": {"question": "Which browser?"},
    "reply": {"text": "Firefox.", "role": "customer"},
    "escalate": {},
    "return": {"reason": "Not ours."},
    "resolve": {
        "resolution": "solved",
        "message": "It works.",
        "what_was_done": "Restarted.",
        "root_cause": "A full disk.",
        "kb_reason": "gap",
    },
    "reopen": {"reason": "It broke again."},
    "close": {},
    "amend": {"tags": ["slow"]},
    "rate": {"csat": 4, "role": "customer"},
}
"""What a generated life is made of; which of it fits is for the core to say."""
