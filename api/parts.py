"""What the API works with."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from temporalio.client import Client

from services.incidents import IncidentService
from services.tickets import TicketService
from services.webhooks.deliveries import Deliveries
from store.database import Database


@dataclass(frozen=True)
class Parts:
    """Everything that endpoints need, made once for each process."""

    db: Database
    client: Client
    """It may connect with its first call."""
    desk: TicketService
    incidents: IncidentService
    deliveries: Deliveries
    policy: str
    """The version of the policy that new tickets get."""
    rate: float = 50.0
    """Requests a second that one token may make."""
    origin: str | None = None
    """The one origin whose pages may call; None: none may."""

    async def connected(self) -> Client:
        """The client, for whoever asks for one when it is needed."""
        return self.client


def _of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(_of)]
