"""Updates made from the definitions of commands: one definition of each serves every way in."""

from inspect import Parameter, Signature
from typing import Any, Protocol, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from domain.core.refusal import Refused
    from domain.ticket import commands as c

from workflows.ticket.messages import Answer

MOST_FIELDS = 50
"""How many faulty fields a refusal lists: what comes in may be large, what goes back must fit into an answer."""

Handler = TypeVar("Handler")


def loose(handler: Handler) -> Handler:
    """A handler of a message that takes whatever is sent, still encoded: `def handler(self, *payloads)`.

    The SDK decodes for a handler, and counts for none: what it cannot decode it drops with a log line, and what is one
    argument too few or too many is a TypeError, which stops the workflow. Told of one raw argument, it leaves both to
    `read`. (What it still drops is an unreadable payload beside a second one.)
    """
    names = ("self", "payload")
    one = [Parameter(name, Parameter.POSITIONAL_ONLY) for name in names]
    handler.__signature__ = Signature(one)  # type: ignore[attr-defined]
    result = handler.__annotations__.get("return")
    handler.__annotations__ = {"payload": RawValue, "return": result}
    return handler


def read(payloads: tuple[Any, ...]) -> Any:
    """The content of a message. Raises Refused (`malformed`) unless it is one payload that can be decoded."""
    if len(payloads) != 1:
        raise Refused("malformed", f"one JSON object is expected, not {len(payloads)} arguments")
    try:
        return workflow.payload_converter().from_payload(payloads[0].payload)
    except Exception as error:
        raise Refused("malformed", f"the payload cannot be read: {type(error).__name__}") from None


class TakesCommands(Protocol):
    """A workflow that commands are given to."""

    def command(self, payload: Any, name: str | None) -> c.Command: ...
    def apply(self, command: c.Command) -> Any: ...
    def validate(self, payload: Any, name: str | None) -> None: ...


def command_update(kind: type[c.Command], answer: type = Answer) -> Any:
    """An Update for one kind of command, under its own name and with its own description. It returns an `answer`.

    The payload is loose and parsed inside, so that what is malformed is refused by name. The validator decides on a
    copy: a refusal, or a bug, comes back at once and leaves no history.
    """
    name = kind.model_fields["do"].default

    def update(self: TakesCommands, *payloads: RawValue) -> Any:
        try:
            return self.apply(self.command(read(payloads), name))
        except Refused as refused:
            raise _failure(refused) from None

    def validate(self: TakesCommands, *payloads: RawValue) -> None:
        try:
            self.validate(read(payloads), name)
        except Refused as refused:
            raise _failure(refused) from None

    update.__annotations__["return"] = answer
    description = (kind.__doc__ or "").strip().split("\n")[0]
    return register(name, description, loose(update), loose(validate))


def register(name: str, description: str, update: Any, validate: Any) -> Any:
    """Make an Update of two plain functions, as the decorators would of two methods."""
    for function in (update, validate):
        function.__annotations__.pop("self", None)  # the SDK would take it for the first argument
    update.__name__ = update.__qualname__ = f"update_{name}"
    decorated = workflow.update(name=name, description=description)(update)
    decorated.validator(validate)
    return decorated


def _failure(refused: Refused) -> ApplicationError:
    """A refusal as an Update's failure: the type is its code, the detail everything that it says."""
    detail = refused.as_dict()
    detail["fields"] = dict(list(refused.fields.items())[:MOST_FIELDS])
    return ApplicationError(refused.message, detail, type=refused.code, non_retryable=True)


class CommandUpdates:
    """Every command as an Update. A class of its own, so that it is built once and not once for every ticket."""

    take = command_update(c.Take)
    respond = command_update(c.Respond)
    note = command_update(c.Note)
    step = command_update(c.Step)
    attach = command_update(c.Attach)
    fill = command_update(c.Fill)
    wait = command_update(c.Wait)
    reply = command_update(c.Reply)
    escalate = command_update(c.Escalate)
    return_ = command_update(c.Return)
    refer = command_update(c.Refer)
    resolve = command_update(c.Resolve)
    reopen = command_update(c.Reopen)
    close = command_update(c.Close)
    prioritise = command_update(c.Prioritise)
    amend = command_update(c.Amend)
    tell_engineering = command_update(c.TellEngineering)
    waive = command_update(c.Waive)
    retry = command_update(c.Retry)
    replace_terms = command_update(c.ReplaceTerms)
    rate = command_update(c.Rate)
