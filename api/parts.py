"""What the API works with."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from temporalio.client import Client

from domain.policy.tracker import TrackerRow
from services.incidents import IncidentService
from services.policy_trials import Trials
from services.security.openid import OpenIdSignIn
from services.security.survey_links import SurveyLinks
from services.tickets import TicketService
from services.webhooks.deliveries import Deliveries
from store.database import Database


@dataclass(frozen=True)
class Parts:
    """Everything that endpoints need, made once for each process."""

    db: Database
    client: Client
    """It may connect with its first call."""
    service: TicketService
    incidents: IncidentService
    deliveries: Deliveries
    policy: str
    """The version of the policy that new tickets get."""
    rate: float = 50.0
    """Requests a second that one token may make."""
    tracker: TrackerRow = field(default_factory=TrackerRow)
    """How issues are worded, for those who want to see one before it is made."""
    openid: OpenIdSignIn | None = None
    """How people sign in to the desk by the company's identity provider; None: by tokens only."""
    origin: str | None = None
    """The one origin whose pages may call; None: none may."""
    trials: Trials | None = None
    """Policies that people try on the desk; None: the desk has no lab."""
    surveys: SurveyLinks | None = None
    """The links of surveys; None: surveys are not set up."""
    effort_question: bool = False
    """Whether the page of a survey asks how easy it was (F7)."""
    framed_by: tuple[str, ...] = ()
    """The origins whose pages may frame the card of a ticket."""

    async def connected(self) -> Client:
        """Return the client, for whoever asks for one when it is needed."""
        return self.client


def _of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


PartsOf = Annotated[Parts, Depends(_of)]
