"""The world outside of Temporal, for workflow tests: it does what it is told, remembers it, and can be down."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from domain.events import Event
from frontdoor.policy import load_policy, resolve_terms
from workflows import ports

POLICY = load_policy(None)
EXPECTED = ApplicationErrorCategory.BENIGN
"""Keeps an outage that a test asked for out of the log."""
RETRY_AFTER = timedelta(hours=6)
"""What somebody who is down for long asks for: virtual time pays a second for every attempt."""


class World:
    """What the outside heard, in order; outages are by ticket, so that scenes go on side by side."""

    def __init__(self) -> None:
        self.journal: dict[str, list[Event]] = {}
        self.runs: dict[str, list[str]] = {}
        """Ticket -> the run that told each event of its journal."""
        self.issues: list[ports.JiraRequest] = []
        self.joins: list[ports.IncidentRequest] = []
        self.pages: list[ports.PageRequest] = []
        self.ended: list[ports.PageRequest] = []
        self.told: list[ports.TellRequest] = []
        self.closed: list[ports.CloseIncidentRequest] = []
        self.down: dict[str, set[str]] = defaultdict(set)
        """Activity -> the tickets (or incidents) for which it fails."""
        self.pause: dict[str, timedelta] = {}
        """Ticket -> the pause that whoever is down asks for; else Temporal's own retries."""
        self.refuses: dict[str, str] = {}
        """Ticket -> why Jira refuses its issue for good."""
        self.held: dict[str, asyncio.Event] = {}
        """Ticket -> what its join or issue waits for before it reports back; `incident-<n>` and
        `close-<n>` -> the same of telling its tickets and closing its row."""
        self.attempts: Counter[tuple[str, str]] = Counter()
        """(activity, ticket) -> how often it was tried."""
        self.effect_keys: set[str] = set()
        """Every key that an effect was asked for under."""
        self.faults: list[str] = []
        """What must never happen."""

    def activities(self) -> dict[str, list[Callable[..., Any]]]:
        """The activities of each task queue."""
        return {
            ports.TICKETS: [self.tell_tickets, self.renew_calendar],
            ports.JOURNAL: [self.record_events, self.join_incident, self.close_incident],
            ports.JIRA: [self.create_jira_issue],
            ports.PAGER: [self.page, self.end_page],
        }

    def issues_of(self, ticket: str) -> list[ports.JiraRequest]:
        return [request for request in self.issues if request.ticket_id == ticket]

    def joins_of(self, ticket: str) -> list[ports.IncidentRequest]:
        return [request for request in self.joins if request.ticket_id == ticket]

    async def _wait(self, subject: str) -> None:
        if held := self.held.get(subject):
            await held.wait()

    def _try(self, port: ports.Port[Any, Any], subject: str) -> None:
        self.attempts[port.name, subject] += 1
        if subject in self.down[port.name]:
            raise ApplicationError("down", type="Down", next_retry_delay=self.pause.get(subject), category=EXPECTED)

    @activity.defn(name=ports.RECORD_EVENTS.name)
    async def record_events(self, request: ports.JournalRequest) -> ports.Nothing:
        self._try(ports.RECORD_EVENTS, request.ticket_id)
        known = self.journal.setdefault(request.ticket_id, [])
        runs = self.runs.setdefault(request.ticket_id, [])
        for event in request.events:
            place = event.seq - 1
            if place < len(known) and known[place] != event and request.run_id not in runs:
                del known[place:], runs[place:]  # a reset: what the run before it told is superseded
            if place == len(known):
                known.append(event)
                runs.append(request.run_id)
            elif place > len(known):
                self.faults.append(f"{request.ticket_id}: event {event.seq} came before {len(known) + 1}")
            elif known[place] != event:
                self.faults.append(f"{request.ticket_id}: event {event.seq} was told in two ways")
        return ports.Nothing()

    @activity.defn(name=ports.CREATE_JIRA_ISSUE.name)
    async def create_jira_issue(self, request: ports.JiraRequest) -> ports.JiraResult:
        self.effect_keys.add(request.effect_key)
        self._try(ports.CREATE_JIRA_ISSUE, request.ticket_id)
        if len(self.journal.get(request.ticket_id, [])) < request.seq:
            self.faults.append(f"{request.effect_key}: the escalation is not in the journal")
        if refusal := self.refuses.get(request.ticket_id):
            raise ApplicationError(refusal, type=ports.REFUSED, non_retryable=True, category=EXPECTED)
        keys = [issue.effect_key for issue in self.issues]
        if request.effect_key not in keys:
            keys.append(request.effect_key)
            self.issues.append(request)
        number = keys.index(request.effect_key) + 1
        await self._wait(request.ticket_id)
        return ports.JiraResult(key=f"SUP-{number}", url=f"http://127.0.0.1/browse/SUP-{number}")

    @activity.defn(name=ports.JOIN_INCIDENT.name)
    async def join_incident(self, request: ports.IncidentRequest) -> ports.IncidentResult:
        self._try(ports.JOIN_INCIDENT, request.ticket_id)
        self.joins.append(request)
        await self._wait(request.ticket_id)
        return ports.IncidentResult(number=None if request.only_if_open else 7)

    @activity.defn(name=ports.PAGE.name)
    async def page(self, request: ports.PageRequest) -> ports.Nothing:
        self._try(ports.PAGE, request.dedup_key)
        self.pages.append(request)
        return ports.Nothing()

    @activity.defn(name=ports.END_PAGE.name)
    async def end_page(self, request: ports.PageRequest) -> ports.Nothing:
        self._try(ports.END_PAGE, request.dedup_key)
        self.ended.append(request)
        return ports.Nothing()

    @activity.defn(name=ports.TELL_TICKETS.name)
    async def tell_tickets(self, request: ports.TellRequest) -> ports.Nothing:
        self.told.append(request)
        await self._wait(f"incident-{request.number}")
        return ports.Nothing()

    @activity.defn(name=ports.CLOSE_INCIDENT.name)
    async def close_incident(self, request: ports.CloseIncidentRequest) -> ports.Nothing:
        self.closed.append(request)
        await self._wait(f"close-{request.number}")
        return ports.Nothing()

    @activity.defn(name=ports.RENEW_CALENDAR.name)
    async def renew_calendar(self, request: ports.RenewRequest) -> ports.RenewResult:
        return ports.RenewResult(calendar=resolve_terms(POLICY, request.account, request.at).calendar)
