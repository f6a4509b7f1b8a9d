"""The walk of `tierline incident drill`, step by step."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from uuid import uuid4

from rich.text import Text
from temporalio.client import Client

from cli.backend import whoever
from cli.local_backend import incident_service
from cli.output import console, safe
from domain.core.enums import Priority, Role
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from domain.incident.state import Incident
from services.incidents import IncidentService
from services.intake.declaration import DeclareRequest
from services.reading.incident import SeenIncident, look_up
from store.database import Database, DatabaseDown
from workers.bootstrap import load_policy_at_speed
from workers.settings import Settings

STEPS = 3
"""How far the ladder is climbed before somebody acknowledges: the on-call, the on-call again, the next level."""
LOOK_AGAIN = 0.2
"""Seconds."""
SPARE = 30.0
"""Seconds that a step may take beyond what the policy makes it wait."""


async def walk_drill(settings: Settings, area: str, priority: Priority, speed: int, *, quiet: bool) -> dict[str, Any]:
    """Walk the flow of an incident, and return what happened. Raises Refused, Unavailable."""
    policy = load_policy_at_speed(settings)
    # Where everything is faster already, as in a demo, that is fast enough.
    policy = policy.at_speed(speed) if settings.speed == 1 and speed > 1 else policy
    async with incident_service(settings, policy) as (service, db, client):
        who = whoever()
        form = {"product_area": area, "priority": priority, "by": who["by"], "role": Role.LEAD}
        number = (await service.declare(DeclareRequest.parse(form), drill=uuid4().hex)).incident
        walk = _Walk(service, db, client, number, who["by"], quiet=quiet)
        try:
            await walk.all()
        except BaseException:
            with suppress(Refused, Unavailable, DatabaseDown):  # what was begun is not left open
                await walk.handle("cancel", reason="The drill was broken off.")
            raise
        return {"incident": number, "paged": walk.paged, "steps": walk.steps}


class _Walk:
    """One drill, step by step."""

    def __init__(
        self, service: IncidentService, db: Database, client: Client, number: int, by: str, *, quiet: bool
    ) -> None:
        self._service = service
        self._db = db
        self._client = client
        self._number = number
        self._by = by
        self._quiet = quiet
        self._screen = console()
        self.steps: list[dict[str, Any]] = []
        self.paged: list[str] = []
        """Who would have been woken, in order."""

    async def all(self) -> None:
        """Walk the flow. Raises Refused, Unavailable."""
        incident = await self._step("declare", lambda i: i.seq >= 1, "incident-{0} is declared, as a drill")
        patience = incident.terms.of(incident.priority).acknowledge.total_seconds()
        climbed = min(STEPS, len(incident.terms.ladder))
        for step in range(1, climbed + 1):
            await self._page(step, patience)
        await self._act("acknowledge", "somebody has it: nobody else is paged", comment="This is a drill.")
        await self._act("update", "one text for the room, the issue and every ticket", status="This is a drill.")
        await self._act("approve", "a person lets it go out to the customers")
        await self._act("mitigate", "the customers' pain is gone")
        await self._act("resolve", "the pages end, the tickets come back, a review is due")
        await self._act("action", "what should be done becomes an issue", text="Nothing: this is a drill.")
        await self._act("review_done", "what was learnt is on record", summary="This is a drill.")
        await self._step("end", lambda i: i.ended and not i.pending_effects, "nothing is left to do for incident-{0}")

    async def _page(self, step: int, patience: float) -> None:
        incident = await self._step(
            "page",
            lambda i: len(i.pages) >= step and i.pages[step - 1].state == "accepted",
            "",
            wait=patience if step > 1 else 0.0,
        )
        page = incident.pages[step - 1]
        self.paged.append(page.audience)
        again = f", time {page.round}" if page.round > 1 else ""
        self._note_page(f"level {page.level}{again}: {page.audience} would be woken; held back")

    async def _act(self, name: str, means: str, **payload: Any) -> None:
        began = time.monotonic()
        answer = await self.handle(name, **payload)
        self._note(name, began, f"{means} ({answer.state})")

    async def handle(self, name: str, **payload: Any) -> Any:
        command = {"by": self._by, "role": Role.LEAD.value, "id": uuid4().hex} | payload
        return await self._service.handle(self._number, name, command)

    async def _step(self, name: str, is_so: Callable[[Incident], bool], means: str, wait: float = 0.0) -> Incident:
        """Wait until the incident is so. `wait`: seconds that the policy makes it last."""
        began = time.monotonic()
        while True:
            with suppress(Refused):  # it is not on record yet
                incident = (await self._look()).incident
                if is_so(incident):
                    self._note(name, began, means.format(self._number))
                    return incident
            if time.monotonic() - began > wait + SPARE:
                raise Unavailable(f"the drill got no further at {name}: see that `tierline worker` runs")
            await asyncio.sleep(LOOK_AGAIN)

    async def _look(self) -> SeenIncident:
        async def same() -> Client:
            return self._client

        return await look_up(self._db, same, self._number)

    def _note(self, name: str, began: float, means: str) -> None:
        took = time.monotonic() - began
        self.steps.append({"step": name, "took_s": round(took, 2), "summary": means})
        if not self._quiet:
            line = Text(f"{name:<12}", style="bold")
            self._screen.print(line, Text(f"{took:6.2f} s "), Text(safe(means)))

    def _note_page(self, text: str) -> None:
        self.steps[-1]["summary"] = text
        if not self._quiet:
            self._screen.print(Text(" " * 12), Text(safe(text)))
