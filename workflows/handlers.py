"""Handlers of messages, made from the definitions of commands: one definition of each serves every way in."""

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Any, Protocol, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.aggregate.aggregate import Aggregate
    from domain.aggregate.command import Command, description_of
    from domain.core.refusal import Refused

MOST_FIELDS = 50
"""How many faulty fields a refusal lists: what comes in may be large, what goes back must fit into an answer."""

Handler = TypeVar("Handler")
Class = TypeVar("Class", bound=type)


class TakesCommands(Protocol):
    """A workflow that takes commands."""

    def command(self, payload: Any, name: str | None) -> Command: ...
    def apply(self, command: Command) -> Any: ...
    def validate(self, payload: Any, name: str | None) -> None: ...
    def receive(self, name: str | None, payloads: tuple[RawValue, ...]) -> None: ...


def takes_raw_payload(handler: Handler) -> Handler:
    """Let the handler of a message take whatever is sent, still encoded: `def handler(self, *payloads)`.

    The SDK decodes for a handler, and counts for none: what it cannot decode it drops with a log line, and one argument
    too few or too many is a TypeError, which stops the workflow. Since its signature says one raw argument here, the
    SDK leaves both to `decode`. (What it still drops is an unreadable payload beside a second one.)
    """
    names = ("self", "payload")
    one = [Parameter(name, Parameter.POSITIONAL_ONLY) for name in names]
    handler.__signature__ = Signature(one)  # type: ignore[attr-defined]
    result = handler.__annotations__.get("return")
    handler.__annotations__ = {"payload": RawValue, "return": result}
    return handler


def decode(payloads: tuple[Any, ...]) -> Any:
    """Return the content of a message. Raises Refused (`malformed`) unless it is one payload that can be decoded."""
    if len(payloads) != 1:
        raise Refused("malformed", f"one JSON object is expected, not {len(payloads)} arguments")
    try:
        return workflow.payload_converter().from_payload(payloads[0].payload)
    except Exception as error:
        raise Refused("malformed", f"the payload cannot be read: {type(error).__name__}") from None


def handles(aggregate: Aggregate[Any], answer: type) -> Callable[[Class], Class]:
    """Add an Update for each command that people may give, and a Signal for each fact, to a class of handlers.

    Updates return an `answer`. The class must be made in a module that the sandbox passes through: so it is made once,
    and not once for every workflow.
    """

    def add(handlers: Class) -> Class:
        for name, kind in aggregate.offered.items():
            setattr(handlers, f"update_{name}", _update(name, kind, answer))
        for name, kind in aggregate.facts.items():
            setattr(handlers, f"signal_{name}", _signal(name, kind))
        return handlers

    return add


def _update(name: str, kind: type[Command], answer: type) -> Any:
    """Make the Update of one kind of command. The payload is raw and parsed inside, so that what is malformed is
    refused by name. The validator decides on a copy: a refusal, or a bug, comes back at once and leaves no history.
    """

    def update(self: TakesCommands, *payloads: RawValue) -> Any:
        try:
            return self.apply(self.command(decode(payloads), name))
        except Refused as refused:
            raise _failure(refused) from None

    def validate(self: TakesCommands, *payloads: RawValue) -> None:
        try:
            self.validate(decode(payloads), name)
        except Refused as refused:
            raise _failure(refused) from None

    update.__annotations__["return"] = answer
    update.__name__ = update.__qualname__ = f"update_{name}"
    made = workflow.update(name=name, description=description_of(kind))(takes_raw_payload(update))
    made.validator(takes_raw_payload(validate))
    return made


def _signal(name: str, kind: type[Command]) -> Any:
    """Make the Signal of one kind of fact."""

    def signal(self: TakesCommands, *payloads: RawValue) -> None:
        self.receive(name, payloads)

    signal.__name__ = signal.__qualname__ = f"signal_{name}"
    return workflow.signal(name=name, description=description_of(kind))(takes_raw_payload(signal))


def _failure(refused: Refused) -> ApplicationError:
    """Make a refusal an Update's failure: the type is its code, the detail everything that it says."""
    detail = refused.as_dict()
    detail["fields"] = dict(list(refused.fields.items())[:MOST_FIELDS])
    return ApplicationError(refused.message, detail, type=refused.code, non_retryable=True)
