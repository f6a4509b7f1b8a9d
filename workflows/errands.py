"""What a ticket has others do for it: journal its events, and carry out its effects."""

import asyncio
from datetime import timedelta
from itertools import accumulate
from typing import Any, Protocol

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain import commands as c
    from domain.events import Event
    from domain.ticket import Effect, Ticket
    from domain.words import Role

from workflows import ports

BATCH = 250_000
"""Characters that are journalled, or carried over, at once. Temporal stops a workflow at a payload of 2 MB, and a
character may take six bytes of JSON."""
AN_EVENT = 5_000
"""What an event counts for without its texts."""


class Host(Protocol):
    """The workflow that the errands are run for."""

    state: Ticket
    unrecorded: list[Event]

    def give(self, command: c.Command) -> Any: ...
    def wake(self) -> None: ...


class Errands:
    """Activities under way for one ticket. Nothing here is waited for by the ticket: it goes on meanwhile."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._effects: dict[str, asyncio.Task[None]] = {}
        self._recording: asyncio.Task[None] | None = None
        self.alerts_by_timer = False
        """Whether an outstanding effect needs the ticket's timer to ring (F5), and not an activity's time-out."""

    def at_rest(self) -> bool:
        """Whether nothing is under way."""
        return not self._effects and self._recording is None

    def idle(self) -> bool:
        """Whether nothing is under way, and all is journalled."""
        return self.at_rest() and not self._host.unrecorded

    def portable(self) -> bool:
        """Whether all that is not journalled yet fits into what is handed over. If not, the journal comes first."""
        return len(self._batch()) == len(self._host.unrecorded)

    def start(self) -> None:
        """Start what is outstanding and not under way. Nothing here is waited for: effects never block a ticket."""
        if self._host.unrecorded and self._recording is None:
            self._recording = asyncio.create_task(self._record())
        for effect in self._host.state.undone:
            if not effect.failed and effect.key not in self._effects:
                self._effects[effect.key] = asyncio.create_task(self._carry_out(effect))

    def _batch(self) -> tuple[Event, ...]:
        """As many of the oldest events as fit together; one always does."""
        sizes = (AN_EVENT + sum(map(len, event.texts.values())) for event in self._host.unrecorded)
        fitting = sum(total <= BATCH for total in accumulate(sizes))
        return tuple(self._host.unrecorded[: max(1, fitting)])

    async def _record(self) -> None:
        batch = self._batch()
        request = ports.JournalRequest(ticket_id=self._host.state.id, run_id=workflow.info().run_id, events=batch)
        summary = f"Journal {', '.join(event.body.type for event in batch)}"
        await self._until_done(ports.RECORD_EVENTS, request, summary[:200])
        del self._host.unrecorded[: len(batch)]
        self._recording = None
        self._host.wake()

    async def _carry_out(self, effect: Effect) -> None:
        """See an effect through, and tell the ticket."""
        done: c.Command
        try:
            done = await self._outcome(effect)
        except ActivityError as error:
            reason = getattr(error.cause, "message", "")[:1000]
            done = c.EffectFailed(by="tierline", role=Role.SYSTEM, key=effect.key, reason=reason)
        del self._effects[effect.key]
        self._host.give(done)
        self._host.wake()

    async def _until_done(
        self, port: ports.Port[ports.Request, ports.Result], request: ports.Request, summary: str
    ) -> ports.Result:
        """An activity that is tried until it is done. Raises ActivityError if the other side refuses it for good.

        F5: that an effect is outstanding for too long is noticed by the time-out of the activity that it waits for,
        which costs nothing: a timer would be armed and cancelled for every effect that goes well. But Temporal gives
        up as soon as the next attempt would come too late. From then on the one timer rings for effects as well.
        """
        while True:
            try:
                return await port(request, summary, None if self.alerts_by_timer else self._until_alert())
            except ActivityError as error:
                if isinstance(error.cause, ApplicationError) and error.cause.non_retryable:
                    raise
                self.alerts_by_timer = True
                self._host.wake()

    def _until_alert(self) -> timedelta | None:
        """How long from now until ops must be told that an effect is outstanding, at the earliest: one may come about
        right now, and wait for the journal. None if that instant has passed."""
        since = (effect.since for effect in self._host.state.undone if not effect.alerted and not effect.failed)
        left = min(since, default=workflow.now()) + self._host.state.terms.limits.effect_alert - workflow.now()
        return left if left > timedelta(0) else None

    async def _outcome(self, effect: Effect) -> c.EffectDone:
        ticket = self._host.state
        if effect.kind in ("jira_bug", "jira_request"):
            # The report is built from the journal, so the escalation must stand there first.
            await workflow.wait_condition(
                lambda: not self._host.unrecorded or self._host.unrecorded[0].seq > effect.seq
            )
            kind = "bug" if effect.kind == "jira_bug" else "request"
            issue = await self._until_done(
                ports.CREATE_JIRA_ISSUE,
                ports.JiraRequest(ticket_id=ticket.id, effect_key=effect.key, kind=kind, seq=effect.seq),
                f"Jira {kind} for {ticket.id}",
            )
            return c.EffectDone(by="tierline", role=Role.SYSTEM, key=effect.key, jira_key=issue.key, jira_url=issue.url)
        if effect.kind == "terms":
            renewal = ports.RenewRequest(account=ticket.account, at=workflow.now())
            renewed = await self._until_done(ports.RENEW_CALENDAR, renewal, "Look further ahead in the calendar")
            return c.EffectDone(by="tierline", role=Role.SYSTEM, key=effect.key, calendar=renewed.calendar)
        request = ports.IncidentRequest(
            ticket_id=ticket.id,
            effect_key=effect.key,
            product_area=ticket.product_area,
            priority=ticket.priority,
            only_if_open=effect.kind == "incident_if_open",
        )
        area = ticket.product_area or "the service"
        joined = await self._until_done(ports.JOIN_INCIDENT, request, f"Open or join the incident in {area}")
        return c.EffectDone(by="tierline", role=Role.SYSTEM, key=effect.key, incident=joined.number)
