"""Where spans are begun: the same calls whether somebody collects traces or not.

Without a tracer nothing is done and nothing is imported: OpenTelemetry is an extra. A process that traces names its
tracer once, at its start (`workers.tracing`). Names and attributes of spans are words of our code, numbers and ids;
never what somebody wrote, and no address.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

Kind = Literal["server", "client", "consumer", "internal"]
Attributes = Mapping[str, str | int]


class Span(Protocol):
    """Something that is under way, with a beginning and an end."""

    def rename(self, name: str) -> None:
        """Give it another name: what it is about may only be known at its end."""

    def add(self, attributes: Attributes) -> None:
        """Say more of it."""

    def fail(self, kind: str) -> None:
        """Mark it as failed, by the name of an error's class or a number of HTTP: not by the error's text."""


class Tracer(Protocol):
    """What collects spans."""

    def span(
        self, name: str, kind: Kind, attributes: Attributes, parent: str | None
    ) -> AbstractContextManager[Span]: ...

    def here(self) -> str | None: ...

    def trace_id(self) -> str | None: ...


class _Nothing:
    """The span of a process that collects none."""

    def rename(self, name: str) -> None: ...

    def add(self, attributes: Attributes) -> None: ...

    def fail(self, kind: str) -> None: ...


_NOTHING = _Nothing()
_tracer: Tracer | None = None


def use(tracer: Tracer | None) -> None:
    """Have this process collect spans; None: no more."""
    global _tracer
    _tracer = tracer


def span(
    name: str, kind: Kind = "internal", attributes: Attributes | None = None, *, parent: str | None = None
) -> AbstractContextManager[Span]:
    """Begin a span, within the one that is under way, or within `parent`: another process's, as `here` names it.

    It ends with the block, as failed where that raises; lines that are logged in the block name its trace.
    """
    if _tracer is None:
        return nullcontext(_NOTHING)
    return _tracer.span(name, kind, attributes or {}, parent)


def here() -> str | None:
    """Return the span that is under way as W3C Trace Context spells it (`traceparent`), to be kept and carried on; None
    where there is none."""
    return _tracer.here() if _tracer else None


def trace_id() -> str | None:
    """Return the id of the trace that is under way, as in logs; None where there is none."""
    return _tracer.trace_id() if _tracer else None
