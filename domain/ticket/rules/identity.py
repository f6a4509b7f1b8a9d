"""G19: identity. Who asks for something that touches an account must be shown to be who they say.

The policy gives each way of checking its points, and says how many a resolution needs. What anyone can know proves
nothing, and is refused by name. Which way, by whom and when stands on the timeline.
"""

from typing import Literal

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.aggregate.rule import On, Rule
from domain.core.input_types import Short, Text
from domain.core.refusal import Refused
from domain.core.values import Frozen
from domain.ticket.rules.basics import active, needed
from domain.ticket.state import Ticket

KNOWN_TO_ANYONE = ("name", "date_of_birth", "last_invoice", "address", "account_number")
"""What others can know as well."""


class Identify(Command):
    """Record how the customer's identity was checked. What anyone can know, such as a name, proves nothing."""

    do: Literal["identify"] = "identify"
    way: Short = ""
    """One of the policy's ways, such as callback or code."""
    text: Text = ""


class IdentityChecked(Frozen):
    """The customer's identity was checked in one way (G19)."""

    type: Literal["identity_checked"] = "identity_checked"
    way: str
    points: int


def _identify(recording: Recording[Ticket], command: Identify) -> None:
    ways = recording.state.terms.gates.identity_points
    needed(way=command.way)
    way = command.way.strip().lower().replace(" ", "_").replace("-", "_")
    if way in KNOWN_TO_ANYONE:
        raise Refused("not_allowed", f"{way} is what anyone can know: it proves nothing. Use {', '.join(ways)}")
    if way not in ways:
        message = f"{command.way[:40]!r} is no way of the policy: {', '.join(ways) or 'it names none'}"
        raise Refused("malformed", message, fields={"way": message})
    recording.record(IdentityChecked(way=way, points=ways[way]), texts={"text": command.text})


def points(ticket: Ticket) -> int:
    """Return the points of the ways in which identity was checked, each counted once."""
    return sum(ticket.terms.gates.identity_points.get(way, 0) for way in set(ticket.identity))


def is_shown(ticket: Ticket) -> bool:
    """Return whether identity was checked in ways that add up to what the policy needs."""
    return points(ticket) >= ticket.terms.gates.identity_needed


RULE = Rule[Ticket](
    commands={Identify: On(_identify, active)},
    events={IdentityChecked: lambda ticket, _, body: {"identity": (*ticket.identity, body.way)[-20:]}},
)
