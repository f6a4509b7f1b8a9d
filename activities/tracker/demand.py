"""F10: each issue says how many accounts wait for it, on which plans, and what they pay a year.

It stands in one link on the issue's page, which is overwritten: a try that is repeated leaves one link, and an issue is
written to at most once a day, and only where the figures have changed. No personal data goes there.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.support.circuit_breaker import CircuitBreaker
from domain.core.text import one_line
from domain.documents.document import is_web_address
from domain.documents.redaction import redact
from domain.policy.tracker import TrackerRow
from integrations.tracker.port import TrackerPort
from store import demand, issue_demand
from store.database import Database
from store.demand import Wanted
from store.issue_demand import Written

DAY = timedelta(days=1)
EVERY = timedelta(minutes=15)
"""How often the figures are counted."""
AT_ONCE = 10
"""Issues that one sweep writes to: the next sweep goes on, so that many changes come as no burst."""
GLOBAL_ID = "tierline:waiting"
"""By which the tracker knows the link again."""
RELATIONSHIP = "waited for by"
NOBODY = "nobody waits for it any more"
NAMED = 5
"""Accounts that a link names, where the policy lets it."""


class _Due(NamedTuple):
    """What an issue is to be told."""

    key: str
    text: str
    ticket: str
    before: str
    """What it was told last."""


class IssueDemand:
    """Writes to issues. What fails is tried again by the next look. Blocks; safe from any thread."""

    def __init__(
        self,
        db: Database,
        jira: TrackerPort,
        circuit: CircuitBreaker,
        rules: TrackerRow,
        ticket_url: Callable[[str], str],
    ) -> None:
        """`ticket_url` says where a person finds a ticket: the link leads to the newest one that waits."""
        self._db = db
        self._jira = jira
        self._circuit = circuit
        self._rules = rules
        self._ticket_url = ticket_url
        self._lock = threading.Lock()
        self._next = datetime.min.replace(tzinfo=UTC)

    def write_due(self, now: datetime | None = None) -> int:
        """Write to the issues whose figures have changed, and which were told nothing for a day. Returns how many.

        Counts every `EVERY`, and at the next call where more are due than one call writes to.
        """
        now = now or datetime.now(UTC)
        with self._lock:
            if self._rules.waiting == "off" or now < self._next:
                return 0
            due = self._due(now)
            told = self._write(due[:AT_ONCE], now)
            if told == len(due):
                self._next = now + EVERY
            return told

    def _due(self, now: datetime) -> list[_Due]:
        """Return the issues that are to be told something else than stands there, and were told nothing for a day."""
        with self._db.session() as session:
            known = issue_demand.known(session)
            wanted = issue_demand.wanted(session)
            named = demand.accounts(session, [one.key for one in wanted]) if self._rules.waiting == "accounts" else {}
            left = [key for key, told in known.items() if told.text and key not in {one.key for one in wanted}]
            over = issue_demand.still_open(session, left)
        texts = [(one.key, words(one, self._rules, named.get(one.key, ())), one.ticket) for one in wanted]
        texts += [(key, NOBODY, known[key].ticket) for key in left if key in over]
        return [
            _Due(key, text, ticket, known[key].text if key in known else "")
            for key, text, ticket in texts
            if is_web_address(self._ticket_url(ticket)) and _is_news(known.get(key), text, now)
        ]

    def _write(self, due: Sequence[_Due], now: datetime) -> int:
        """Write to these issues, in order; return how many are dealt with. One that refuses it is asked again in a
        day."""
        for place, one in enumerate(due):
            text, url = one.text, self._ticket_url(one.ticket)
            try:
                with self._circuit("say on issues who waits"):
                    self._jira.link_back(one.key, GLOBAL_ID, url, f"{text} ({now:%Y-%m-%d})", RELATIONSHIP)
            except ApplicationError as error:
                activity.logger.warning("%s is not told who waits for it: %s", one.key, error)
                if not error.non_retryable:
                    return place
                text = one.before
            with self._db.begin() as session:
                issue_demand.note(session, one.key, Written(text=text, ticket=one.ticket, at=now))
        return len(due)


def words(wanted: Wanted, rules: TrackerRow, named: Sequence[str] = ()) -> str:
    """Return what an issue says of who waits for it: `3 accounts on enterprise, premium; 110,000 a year`.

    `named`: the accounts by id, where the policy lets them be named.
    """
    one = wanted.accounts == 1
    parts = [f"{wanted.accounts} account{'' if one else 's'} on {', '.join(wanted.plans)}"]
    if rules.arr != "none":
        known = wanted.unknown < wanted.accounts
        amount = f"{rules.revenue(wanted.arr)} a year" if known else "revenue unknown"
        parts.append(f"{amount}, {wanted.unknown} unknown" if known and wanted.unknown else amount)
    if named:
        more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
        parts.append(", ".join(one_line(redact(name).text, 60) for name in named[:NAMED]) + more)
    return one_line("; ".join(parts), 230)


def _is_news(told: Written | None, text: str, now: datetime) -> bool:
    return told is None or (told.text != text and told.at <= now - DAY)
