"""Updates made from the definitions of commands: one definition of each serves every way in."""

from typing import Any, Protocol

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain import commands as c
    from domain.refusal import Refused

from workflows.messages import Answer


class TakesCommands(Protocol):
    """A workflow that commands are given to."""

    def command(self, payload: Any, name: str | None) -> c.Command: ...
    def give(self, command: c.Command) -> Answer: ...
    def rehearse(self, command: c.Command) -> None: ...


def command_update(kind: type[c.Command]) -> Any:
    """An Update for one kind of command, under its own name and with its own description.

    The payload is loose and parsed inside, so that what is malformed is refused by name. The validator decides on a
    copy: a refusal, or a bug, comes back at once and leaves no history.
    """
    name = kind.model_fields["do"].default

    def update(self: TakesCommands, payload: dict[str, Any]) -> Answer:
        try:
            return self.give(self.command(payload, name))
        except Refused as refused:
            raise _failure(refused) from None

    def validate(self: TakesCommands, payload: dict[str, Any]) -> None:
        try:
            self.rehearse(self.command(payload, name))
        except Refused as refused:
            raise _failure(refused) from None

    description = (kind.__doc__ or "").strip().split("\n")[0]
    return register(name, description, update, validate)


def register(name: str, description: str, update: Any, validate: Any) -> Any:
    """Make an Update of two plain functions, as the decorators would of two methods."""
    for function in (update, validate):
        del function.__annotations__["self"]  # the SDK would take it for the first argument
    update.__name__ = update.__qualname__ = f"update_{name}"
    decorated = workflow.update(name=name, description=description)(update)
    decorated.validator(validate)
    return decorated


def _failure(refused: Refused) -> ApplicationError:
    """A refusal as an Update's failure: the type is its code, the detail everything that it says."""
    return ApplicationError(refused.message, refused.as_dict(), type=refused.code, non_retryable=True)
