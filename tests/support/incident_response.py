"""One incident on the stage, and what the world heard of it."""

from asyncio import Lock
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from temporalio.service import RPCError

from activities.support.signalling import start_incident
from domain.core.enums import Priority, Role
from domain.incident.aggregate import INCIDENT
from domain.incident.commands import Declare, JoinTicket
from domain.incident.events import IncidentEvent
from domain.incident.state import Incident
from domain.incident.ticket_updates import next_batch
from services.policy_file.load import resolve_incident_terms
from tests.support.policy import POLICY
from tests.support.stage import MONDAY, NOT_NOW, QUERY_PATIENCE, Handle, Stage, refusal, starting_at
from tests.support.waiting import RPC_PATIENCE, until
from workflows import ports
from workflows.incident.messages import IncidentStart

UPDATE = {"status": "We found it.", "impact": "No exports.", "doing": "Rolling back.", "workaround": "None."}


class Response:
    """An incident that its first ticket declares. Its clock stands at `at` then, and moves by `skip`."""

    def __init__(
        self, stage: Stage, area: str = "API", priority: Priority = Priority.P0, at: datetime = MONDAY, **declared: Any
    ) -> None:
        self.stage, self.world, self._at = stage, stage.world, at
        self.number = int(uuid4().int % 10**9)
        self.key = f"incident-{self.number}"
        self._declare = Declare(
            number=self.number,
            product_area=area,
            priority=priority,
            terms=resolve_incident_terms(POLICY, area, at),
            **declared,
        )
        self.handle: Handle = stage.client.get_workflow_handle(self.key)
        self.declared_at = at
        self._begun = False
        self._one_at_a_time = Lock()

    async def join(self, *tickets: str, priority: Priority | None = None, **said: Any) -> None:
        """Join as the activity does, all in one call: with the start of the workflow, or as a Signal to the one that
        runs."""
        facts = [
            JoinTicket(
                by=f"ticket-{ticket}",
                role=Role.SYSTEM,
                **{
                    "ticket": ticket,
                    "effect_key": f"ticket-{ticket}:incident:2",
                    "since": self._at,
                    "priority": priority or self._declare.priority,
                    **said,
                },
            )
            for ticket in tickets
        ]
        async with self._one_at_a_time:
            with starting_at(self._at):
                await start_incident(self.stage.client, IncidentStart(declare=self._declare), joins=facts)
            if not self._begun:
                self._begun = True
                await self.stage.time.advance_to(self.handle, self._at)
        self.declared_at = (await self.see()).declared_at

    async def act(self, command: str, at: timedelta | None = None, **fields: Any) -> Any:
        """Give a command as an Update; with `at`, it was received then, so long after the declaration."""
        received = {"received": (self.declared_at + at).isoformat()} if at is not None else {}
        payload = {"by": "ron"} | received | fields
        return await self.handle.execute_update(command, payload, rpc_timeout=RPC_PATIENCE)

    async def refused(self, command: str, **fields: Any) -> dict[str, Any]:
        """Give a command that is refused, and return the refusal."""
        return await refusal(self.act(command, **fields))

    async def at(self, since: timedelta) -> Incident:
        """Move its clock to `since` after the declaration, and see that every deadline until then has lapsed."""
        await self.skip(since)
        end = self.declared_at + since
        return await self.seen(lambda incident: (INCIDENT.next_deadline(incident) or _Never).at > end)

    async def skip(self, since: timedelta) -> None:
        """Move its clock, whether a worker runs or not."""
        await self.stage.time.advance_to(self.handle, self.declared_at + since)

    async def see(self) -> Incident:
        return await self.seen(lambda _: True)

    async def seen(self, condition: Callable[[Incident], Any]) -> Incident:
        """The incident, as soon as it meets the condition."""

        async def met() -> Incident | None:
            try:
                incident = await self.handle.query("incident", result_type=Incident, rpc_timeout=QUERY_PATIENCE)
            except RPCError as error:
                if error.status not in NOT_NOW:
                    raise
                return None
            return incident if condition(incident) else None

        seen: Incident = await until(met)
        return seen

    async def journalled(self) -> list[IncidentEvent]:
        """Its events, once the journal has caught up."""
        await self.seen(lambda incident: len(self.events()) == incident.seq)
        return self.events()

    async def quiet(self) -> Incident:
        """The incident, once all that it asked for is done, told and journalled."""

        def done(incident: Incident) -> bool:
            known = self.world.incidents.get(self.key, [])
            return not incident.pending_effects and next_batch(incident) is None and len(known) == incident.seq

        return await self.seen(done)

    # What the world heard of it.

    def pages(self) -> list[tuple[int, int, str]]:
        """What the pager took, as (level, round, audience)."""
        return [(p.level, p.round, p.audience) for p in self.world.pages if p.dedup_key == self.key]

    def elsewhere(self) -> list[tuple[int, int, str]]:
        """What the second channel took."""
        return [(p.level, p.round, p.audience) for p in self.world.pages_elsewhere if p.dedup_key == self.key]

    def tellings(self) -> list[ports.NotifyRequest]:
        return [telling for telling in self.world.told if telling.fact.number == self.number]

    def told(self, ticket: str) -> list[tuple[int, str]]:
        """What a ticket was told, in the order in which it was."""
        facts = [telling.fact for telling in self.tellings() if ticket in telling.tickets]
        return [(fact.version, fact.left or fact.state) for fact in facts]

    def room(self) -> list[str]:
        return [said.text for said in self.world.room if said.number == self.number]

    def events(self) -> list[IncidentEvent]:
        return self.world.incidents.get(self.key, [])

    def when(self, kind: str) -> list[timedelta]:
        """How long after the declaration events of a kind took effect."""
        return [event.at - self.declared_at for event in self.events() if event.body.type == kind]


class _Never:
    at = datetime.max.replace(tzinfo=MONDAY.tzinfo)
