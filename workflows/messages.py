"""What the messages of all nouns have in common. Add-only: every field stands in histories."""

from typing import Generic, TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from domain.aggregate.event import Envelope
    from domain.core.values import Frozen

Event = TypeVar("Event", bound=Envelope)
Answer = TypeVar("Answer", bound=Frozen)


class AnyCarried(Frozen, Generic[Event, Answer]):
    """What one run hands to the next beside the state. Each noun adds its state, under its own name."""

    unrecorded: tuple[Event, ...] = ()
    """The events that the journal does not have yet."""
    answers: dict[str, Answer] = {}
    """The latest answers, by the ids of their commands."""
    given: str = ""
    """The ids of all commands, as `workflows.known_ids` packs them."""
