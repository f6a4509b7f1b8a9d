"""F4: a ticket whose problem engineering has already: it is linked to that issue, and counted there."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from temporalio import activity

from activities.support.circuit_breaker import CircuitBreaker
from activities.support.journal_gaps import JournalGaps
from activities.tracker.comment_writer import CommentWriter
from domain.core.values import Frozen
from domain.documents.document import Document, link, paragraph
from domain.policy.tracker import JiraRow
from domain.ticket.rules.gates import arr_of
from domain.ticket.state import Ticket, workflow_id
from domain.tracker.fingerprint import fingerprint
from integrations.calls import Rejected, Unknown
from integrations.jira.port import IssueState, JiraPort
from store import jira_links, journal
from store.database import Database
from workflows import ports

PROPERTY = "support.seen"
"""The issue property that holds how many tickets and accounts have the problem."""
MOST_SUMMED = 500
"""Tickets whose revenue is looked up; nobody needs a longer sum."""


class Seen(Frozen):
    """How often support has seen the problem of an issue."""

    tickets: int
    accounts: int
    arr: str
    """The accounts' revenue together, as the policy has it told."""

    def words(self) -> str:
        tickets = "1 ticket" if self.tickets == 1 else f"{self.tickets} tickets"
        accounts = "1 account" if self.accounts == 1 else f"{self.accounts} accounts"
        return f"{tickets} of {accounts}, ARR together {self.arr}"


class JiraLinking:
    """Blocking calls in threads. Each step may be repeated: Temporal repeats all of them after a failure."""

    def __init__(
        self,
        db: Database,
        jira: JiraPort,
        rules: JiraRow,
        ticket_url: Callable[[str], str],
        circuit: CircuitBreaker,
        gaps: JournalGaps,
    ) -> None:
        self._db = db
        self._jira = jira
        self._comments = CommentWriter(db, jira)
        self._rules = rules
        self._ticket_url = ticket_url
        self._circuit = circuit
        self._gaps = gaps

    @activity.defn(name=ports.LINK_JIRA_ISSUE.name, no_thread_cancel_exception=True)
    def link_jira_issue(self, request: ports.JiraLinkRequest) -> ports.JiraResult:
        """Link the ticket both ways, count it, and say once on the issue that it was seen again.

        Refused where the issue is not there, is done, or is none of ours: then a person chooses another.
        """
        ticket, label = self._gaps.read_when_there(lambda: self._ticket(request), request.seq)
        with self._circuit("link issues"):
            issue = self._usable(request.issue).ref
            with self._db.begin() as session:
                jira_links.attach(
                    session,
                    request.effect_key,
                    issue,
                    owner=workflow_id(ticket.id),
                    seq=request.seq,
                    fingerprint=label,
                    now=datetime.now(UTC),
                )
            url = self._ticket_url(ticket.id)
            self._jira.link_back(issue.key, f"tierline:{workflow_id(ticket.id)}", url, f"Ticket {ticket.id}")
            seen = self._count(issue.key, issue.id)
            self._comments.say(issue.key, f"{request.effect_key}:seen", _again(ticket, seen, url))
        return ports.JiraResult(key=issue.key, url=issue.url)

    def _ticket(self, request: ports.JiraLinkRequest) -> tuple[Ticket, str | None] | None:
        """The ticket, and the label of its problem; None: the journal is not so far."""
        with self._db.session() as session:
            ticket = journal.load(session, request.ticket_id)
            texts = journal.texts(session, request.ticket_id)
        if ticket is None or ticket.seq < request.seq:
            return None
        return ticket, fingerprint(ticket, texts) or None

    def _usable(self, key: str) -> IssueState:
        """The issue, if a ticket may be linked to it: it is there, open, and in a project of ours."""
        states = self._jira.read([key])
        if key not in states:
            raise Unknown(f"Jira could not give {key} just now")
        state = states[key]
        if state is None:
            raise Rejected(f"there is no issue {key}, or our account may not see it", 404, {"issue": "choose another"})
        if state.ref.key.rpartition("-")[0] not in self._jira.projects:
            raise Rejected(f"{state.ref.key} is in another project", 403, {"issue": "add it to also_link in [jira]"})
        if state.status_category == "done":
            raise Rejected(f"{state.ref.key} is {state.status_name}", 409, {"issue": "choose an open one"})
        return state

    def _count(self, key: str, number: str) -> Seen:
        """Keep on the issue how often its problem was seen.

        Two tickets may be linked at once, and the older count arrive last: so it is counted again after it was
        written, and whoever finds that it changed writes it again.
        """
        seen = self._seen(number)
        while True:
            value: dict[str, Any] = seen.model_dump() | {"schema": 1}
            self._jira.set_property(key, PROPERTY, value)
            if (now := self._seen(number)) == seen:
                return seen
            seen = now

    def _seen(self, number: str) -> Seen:
        with self._db.session() as session:
            owners = jira_links.owners(session, number)
            ids = [owner.removeprefix(_TICKET) for owner in owners if owner.startswith(_TICKET)]
            tickets = [ticket for name in ids[:MOST_SUMMED] if (ticket := journal.load(session, name))]
        revenue: dict[str, Decimal | None] = {}
        for ticket in tickets:
            known, said = revenue.get(ticket.account.id), arr_of(ticket)
            revenue[ticket.account.id] = max((arr for arr in (known, said) if arr is not None), default=None)
        told = [arr for arr in revenue.values() if arr is not None]
        return Seen(
            tickets=len(ids),
            accounts=len(revenue),
            arr=self._rules.revenue(sum(told, Decimal(0)) if told else None),
        )


def _again(ticket: Ticket, seen: Seen, url: str) -> Document:
    """Ids, never who they are."""
    who = f": {ticket.priority}, plan {ticket.account.plan}. Support has seen it in {seen.words()}."
    return Document(blocks=(paragraph("Seen again in ticket ", link(ticket.id, url), who),))


_TICKET = workflow_id("")
