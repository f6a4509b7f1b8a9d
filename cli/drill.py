"""`tierline incident drill`: the whole flow of an incident, with real workflows, and nobody is paged."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Annotated, Any
from uuid import uuid4

import typer
from rich.text import Text
from temporalio.client import Client

from cli.backend import incident_service, whoever
from cli.output import console, print_json, safe, telling
from domain.core.enums import Priority, Role
from domain.core.refusal import Refused
from domain.incident.state import Incident
from services.incidents import DeclareRequest, IncidentService
from services.reading.incident import SeenIncident, look_up
from services.tickets import Unavailable
from store.database import Database, DatabaseDown
from workers.bootstrap import load_policy_at_speed
from workers.settings import Settings, load_settings

RUNGS = 3
"""How far the ladder is climbed before somebody acknowledges: the on-call, the on-call again, the next level."""
LOOK_AGAIN = 0.2
"""Seconds."""
SPARE = 30.0
"""Seconds that a step may take beyond what the policy makes it wait."""


def drill(
    area: Annotated[str, typer.Option(help="The part of the product whose ladder is climbed.")] = "drill",
    priority: Annotated[str, typer.Option(help="P0 or P1.", metavar="P0|P1")] = "P0",
    speed: Annotated[
        int, typer.Option(min=1, max=3600, help="How many times faster than the policy: at 60, a minute is a second.")
    ] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end instead.")] = False,
) -> None:
    """Walk the whole flow of an incident, and page nobody.

    Declare, page, climb the ladder, acknowledge, update, approve, mitigate, resolve, review: with the real workflow,
    journal and room, each step with the time that it took. Every call to a pager is held back, in the activity that
    would make it; nothing is made in Jira, no notice goes out, and what the room reads says DRILL.
    """
    with telling(as_json):
        if priority.upper() not in ("P0", "P1"):
            raise typer.BadParameter("--priority is P0 or P1: only they become incidents")
        told = asyncio.run(_drill(load_settings(), area, Priority(priority.upper()), speed, quiet=as_json))
        if as_json:
            print_json(told)


async def _drill(settings: Settings, area: str, priority: Priority, speed: int, *, quiet: bool) -> dict[str, Any]:
    rules = load_policy_at_speed(settings)
    # Where everything is faster already, as in a demo, that is fast enough.
    rules = rules.at_speed(speed) if settings.speed == 1 and speed > 1 else rules
    async with incident_service(settings, rules) as (desk, db, client):
        who = whoever()
        form = {"product_area": area, "priority": priority, "by": who["by"], "role": Role.LEAD}
        number = (await desk.declare(DeclareRequest.parse(form), drill=uuid4().hex)).incident
        walk = _Walk(desk, db, client, number, who["by"], quiet=quiet)
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
        self, desk: IncidentService, db: Database, client: Client, number: int, by: str, *, quiet: bool
    ) -> None:
        self._desk = desk
        self._db = db
        self._client = client
        self._number = number
        self._by = by
        self._quiet = quiet
        self._paper = console()
        self.steps: list[dict[str, Any]] = []
        self.paged: list[str] = []
        """Who would have been woken, in order."""

    async def all(self) -> None:
        """Walk the flow. Raises Refused, Unavailable."""
        seen = await self._step("declare", lambda i: i.seq >= 1, "incident-{0} is declared, as a drill")
        patience = seen.terms.of(seen.priority).acknowledge.total_seconds()
        climbed = min(RUNGS, len(seen.terms.ladder))
        for rung in range(1, climbed + 1):
            await self._rung(rung, patience)
        await self._act("acknowledge", "somebody has it: nobody else is paged", comment="This is a drill.")
        await self._act("update", "one text for the room, the issue and every ticket", status="This is a drill.")
        await self._act("approve", "a person lets it go out to the customers")
        await self._act("mitigate", "the customers' pain is gone")
        await self._act("resolve", "the pages end, the tickets come back, a review is due")
        await self._act("action", "what should be done becomes an issue", text="Nothing: this is a drill.")
        await self._act("review_done", "what was learnt is on record", summary="This is a drill.")
        await self._step("end", lambda i: i.ended and not i.undone, "nothing is left to do for incident-{0}")

    async def _rung(self, rung: int, patience: float) -> None:
        seen = await self._step("page", lambda i: len(i.pages) >= rung and i.pages[rung - 1].state == "accepted", "",
                                wait=patience if rung > 1 else 0.0)  # fmt: skip
        page = seen.pages[rung - 1]
        self.paged.append(page.audience)
        again = f", time {page.round}" if page.round > 1 else ""
        self._say(f"level {page.level}{again}: {page.audience} would be woken; held back")

    async def _act(self, name: str, means: str, **payload: Any) -> None:
        began = time.monotonic()
        answer = await self.handle(name, **payload)
        self._note(name, began, f"{means} ({answer.state})")

    async def handle(self, name: str, **payload: Any) -> Any:
        said = {"by": self._by, "role": Role.LEAD.value, "id": uuid4().hex} | payload
        return await self._desk.handle(self._number, name, said)

    async def _step(self, name: str, is_so: Callable[[Incident], bool], means: str, wait: float = 0.0) -> Incident:
        """Wait until the incident is so. `wait`: seconds that the policy makes it last."""
        began = time.monotonic()
        while True:
            with suppress(Refused):  # it is not on record yet
                seen = (await self._look()).incident
                if is_so(seen):
                    self._note(name, began, means.format(self._number))
                    return seen
            if time.monotonic() - began > wait + SPARE:
                raise Unavailable(f"the drill got no further at {name}: see that `tierline worker` runs")
            await asyncio.sleep(LOOK_AGAIN)

    async def _look(self) -> SeenIncident:
        async def same() -> Client:
            return self._client

        return await look_up(self._db, same, self._number)

    def _note(self, name: str, began: float, means: str) -> None:
        took = time.monotonic() - began
        self.steps.append({"step": name, "took_s": round(took, 2), "told": means})
        if not self._quiet:
            line = Text(f"{name:<12}", style="bold")
            self._paper.print(line, Text(f"{took:6.2f} s "), Text(safe(means)))

    def _say(self, text: str) -> None:
        self.steps[-1]["told"] = text
        if not self._quiet:
            self._paper.print(Text(" " * 12), Text(safe(text)))
