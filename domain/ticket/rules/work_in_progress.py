"""G17: work in progress. A policy may limit how many active tickets a person holds.

The limit is off by default. A ticket knows nothing of other tickets, so the service counts and asks here before it
hands a `take` or an `assign` to the ticket's workflow.
"""

from domain.aggregate.command import LEADS
from domain.core.refusal import Refused
from domain.ticket.rules.handling import Assign, Take


def holder_after(command: Take | Assign) -> str:
    """Return who holds the ticket once the command is carried out."""
    return command.by if isinstance(command, Take) else command.to


def check_work_in_progress(command: Take | Assign, held: int, most: int) -> None:
    """Refuse one ticket more than the policy's `most` to a person who holds `held` already. 0: any number.

    A lead may override. Raises Refused (`wip_limit`).
    """
    if not most or held < most or (command.override and command.role in LEADS):
        return
    who = holder_after(command)
    message = f"{who} holds {held} active tickets, and the limit is {most}: finish one, or let a lead override"
    raise Refused("wip_limit", message)
