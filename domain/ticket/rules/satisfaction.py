"""F7: satisfaction. The customer rates how their ticket ended, 1 to 5, and may say why.

After closing the customer is asked once, by the survey. Its answer is one, and may be changed for a day. A score of 1
or 2 asks the lead for a follow-up, until a lead has looked (`attend`).
"""

from datetime import timedelta
from typing import Annotated, ClassVar, Literal

from pydantic import Field as Bounded
from pydantic import StringConstraints

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import ANYBODY, RATERS, Command
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Notified, On, Reason, Rule
from domain.core.enums import Resolution, Role, Status
from domain.core.input_types import Storable
from domain.core.refusal import Refused
from domain.core.text import has_text
from domain.core.values import Frozen
from domain.ticket.rules.resolution import Closed
from domain.ticket.state import Ticket

LOW = 2
"""A score up to this asks the lead for a follow-up."""
CHANGEABLE = timedelta(days=1)
"""For how long after the first answer to the survey it may be changed, on the wall."""
MOST_ANSWERS = 20
"""Answers of one survey that are recorded, changes included."""
RATED_EVERY = timedelta(hours=1)
"""How long a rating that is no answer to the survey stands before another may take its place."""
LONGEST_COMMENT = 2_000
"""Characters of a comment."""
Comment = Annotated[str, StringConstraints(max_length=LONGEST_COMMENT), Storable]


class Rate(Command):
    """The customer's satisfaction with the resolution, 1 to 5. Once an hour; the last one counts."""

    do: Literal["rate"] = "rate"
    who: ClassVar[frozenset[Role]] = ANYBODY
    csat: Annotated[int, Bounded(ge=1, le=5)]
    comment: Comment = ""
    """Why, in the customer's words."""
    effort: Annotated[int, Bounded(ge=1, le=7)] | None = None
    """How easy it was to get it solved, 1 (very hard) to 7 (very easy); None: nothing is said of it."""
    survey: bool = False
    """It is the answer to the survey: one, changeable for a day, instead of once an hour."""


class Rated(Frozen):
    """The customer's satisfaction, 1 to 5, and how easy it was, 1 to 7, if they say so (F7)."""

    type: Literal["rated"] = "rated"
    csat: int
    survey: bool = False
    effort: int | None = None


def _rate(recording: Recording[Ticket], command: Rate) -> None:
    """Record the customer's satisfaction, as the customer, whoever carries the customer's word, or a lead says it. The
    last one counts."""
    ticket = recording.state
    if ticket.terms.core_version >= 2 and command.role not in RATERS:
        message = f"rate is not for the role {command.role}: {', '.join(sorted(RATERS))}"
        raise Refused("not_allowed", message)
    if command.survey:
        _check_answer(recording)
    elif ticket.terms.core_version >= 2 and ticket.rated_at and recording.at < ticket.rated_at + RATED_EVERY:
        again = ticket.rated_at + RATED_EVERY
        raise Refused("does_not_fit", f"rated within the last hour already: rate again from {again:%H:%M:%S} UTC on")
    texts = {"comment": command.comment} if has_text(command.comment) else {}
    recording.record(Rated(csat=command.csat, survey=command.survey, effort=command.effort), texts=texts)


def _check_answer(recording: Recording[Ticket]) -> None:
    """Raise Refused where the survey was answered a day ago, or has been changed too often."""
    ticket = recording.state
    first = ticket.survey_answered_at
    if first and recording.at >= first + CHANGEABLE:
        raise Refused("does_not_fit", "the survey was answered more than a day ago: the answer stands")
    if ticket.survey_answers >= MOST_ANSWERS:
        raise Refused("does_not_fit", f"the answer was changed {MOST_ANSWERS - 1} times: it stands")


def may_rate(ticket: Ticket) -> Reason:
    """Let a rating fit once the ticket is resolved."""
    done = ticket.status in (Status.RESOLVED, Status.CLOSED)
    return None if done else f"the ticket is {ticket.status}: it is rated once it is resolved"


def is_low(csat: int | None) -> bool:
    """Return whether a score asks the lead for a follow-up."""
    return csat is not None and csat <= LOW


def is_surveyed(ticket: Ticket, how: str) -> bool:
    """Return whether the customer is asked how we did, after a ticket was closed in the way `how`.

    Nobody is asked of what ended as another ticket, in the community, or was no ticket at all.
    """
    return how in ("quiet", "by_hand", "elsewhere") and ticket.resolution is not Resolution.DUPLICATE


def _rated(ticket: Ticket, event: Envelope, body: Rated) -> Changes:
    low_since = (ticket.low_score_since or event.at) if is_low(body.csat) else None
    changes: Changes = {"csat": body.csat, "rated_at": event.at, "low_score_since": low_since}
    if body.survey or body.effort is not None:
        changes["effort"] = body.effort
    if body.survey:
        changes["survey_answered_at"] = ticket.survey_answered_at or event.at
        changes["survey_answers"] = ticket.survey_answers + 1
    return changes


def _notify_low(ticket: Ticket, event: Envelope, body: Rated) -> Notified:
    """Notify of a low score, once: not again when the answer is changed from one low score to another."""
    asks = ticket.low_score_since == event.at
    return ("low_score", f"The customer rated {body.csat} of 5: follow up") if asks else None


def _ask(ticket: Ticket, _event: Envelope, body: Closed) -> Notified:
    return ("survey", "How did we do?") if is_surveyed(ticket, body.how) else None


RULE = Rule[Ticket](
    commands={Rate: On(_rate, may_rate)},
    events={Rated: _rated},
    notices={Closed: _ask, Rated: _notify_low},
)
