"""Who owns a ticket's source, and which names are our own: nobody else opens tickets, or speaks, under them.

A ticket is known by its source and external id. So whoever could name a source that is not theirs could claim the
tickets of another system before that system brings them, and have public replies written there. Each way in has its
own: a hook the source of its name, a token of an integration those that it was made for, people the API's or the
terminal's.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints, TypeAdapter, ValidationError

from domain.core.actor import SYSTEM
from domain.core.enums import Role
from domain.core.erasure import ERASED
from domain.core.input_types import OneLine, Short
from domain.core.refusal import Refused
from domain.ticket.commands import malformed

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

API = "api"
"""Of tickets that people open through the API. What they call the source themselves is put behind it: `api:docs`."""
CLI = "cli"
FOLLOW_UP = "follow-up"
"""Of a ticket that a customer's word after closing opens (C10). Its external id begins with the id of the first."""
WEBHOOK = "webhook"
"""Of the generic webhook. What it calls the source itself is put behind it: `webhook:crm`."""
ZENDESK = "zendesk"
JIRA = "jira"
PAGER = "pager"

RESERVED = frozenset({API, CLI, FOLLOW_UP, WEBHOOK, ZENDESK, JIRA, PAGER, SYSTEM.id})
"""Sources of our own ways in, also with a colon and more behind them."""
OF_PEOPLE = frozenset({API, CLI})
"""Their tickets come from no other system: an integration may be given the word for their customers, and opens none."""
ACTORS = frozenset({SYSTEM.id, JIRA, PAGER, ZENDESK, ERASED})
"""Names under which Tierline and its own integrations act: nobody else is called so, nor `zendesk-` and more."""
LONGEST = 200
Source = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST), OneLine]
_SOURCE: TypeAdapter[str] = TypeAdapter(Source)
_LINE: TypeAdapter[str] = TypeAdapter(Short)


def _read(source: Any) -> str | None:
    """Return a source as somebody has said it, in its one form; None if nothing was said. Raises Refused
    (`malformed`)."""
    if source is None or (isinstance(source, str) and not source.strip()):
        return None
    try:
        return _SOURCE.validate_python(source)
    except ValidationError as error:
        raise malformed(error, "source") from None


def is_reserved(source: str) -> bool:
    """Return whether a source belongs to one of our own ways in."""
    return _family(source).casefold() in RESERVED


def _family(source: str) -> str:
    return source.partition(":")[0].strip()


def check_granted(sources: Collection[str]) -> None:
    """Raise Refused unless a token may be bound to these sources."""
    for source in sources:
        if _read(source) != source:
            raise _wrong("a source is a name of 1 to 200 characters, on one line and without spaces round it")
        if is_reserved(source) and source not in OF_PEOPLE:
            raise _wrong(f"{source[:40]!r} is the source of a way in of Tierline's own: choose another")


def of_token(role: Role, granted: Sequence[str], named: Any) -> str:
    """Return the source of a ticket that a token opens: one that it is bound to, or, for people, the API's own.

    `said` is what the caller calls it, if anything. Raises Refused (`not_allowed`, `malformed`).
    """
    named = _read(named)
    if role is not Role.INTEGRATION:
        return _within(API, named)
    own = [source for source in granted if not is_reserved(source)]
    if named is None and own:
        return own[0]
    if named not in own:
        listed = ", ".join(own) or "no source at all"
        raise _not_allowed(f"this token opens tickets of {listed}: another source needs a token of its own")
    return str(named)


def of_webhook(named: Any) -> str:
    """Return the source of a ticket that the generic webhook opens or names. Raises Refused (`not_allowed`,
    `malformed`)."""
    return _within(WEBHOOK, _read(named))


def of_terminal(named: Any) -> str:
    """Return the source of a ticket that is opened at a terminal with the database. Raises Refused (`not_allowed`,
    `malformed`)."""
    named = _read(named)
    if named is not None and named != CLI and is_reserved(named):
        raise _not_allowed(f"{named[:40]!r} is the source of a way in of Tierline's own: choose another")
    return named or CLI


def _within(family: str, named: str | None) -> str:
    """Return a source in the name space of a way in: two ways in never give the same."""
    if named is None or named == family or named.startswith(f"{family}:"):
        source = named or family
    elif is_reserved(named):
        raise _not_allowed(f"{named[:40]!r} is the source of a way in of Tierline's own: choose another")
    else:
        source = f"{family}:{named}"
    if len(source) > LONGEST:
        raise _wrong(f"with {family}: before it, a source has {LONGEST} characters at most")
    return source


def home(session: "Session", ticket: str) -> str | None:
    """Return the source that a ticket belongs to; None if there is no such ticket. A follow-up's is that of the
    ticket that it follows."""
    from store import journal  # only here: a command line that uses an API reads this file, and needs no database

    found = journal.origin(session, ticket)
    while found and found[0] == FOLLOW_UP:
        found = journal.origin(session, found[1].partition(":")[0])
    return found[0] if found else None


def speaks_for(granted: Collection[str], source: str) -> bool:
    """Return whether an integration with these sources carries the words of the customers of tickets of `source`."""
    return source in granted or (is_reserved(source) and _family(source) in granted)


def check_speaks(granted: Collection[str], source: str) -> None:
    """Raise Refused (`not_allowed`) unless `speaks_for`."""
    if not speaks_for(granted, source):
        raise _not_allowed("the ticket came from another source: only the integration of that source speaks for it")


def check_actor(name: object, field: str = "by") -> None:
    """Raise Refused for a name under which only Tierline or an integration of its own acts."""
    plain = _LINE.validate_python(str(name or "")[:LONGEST]).casefold()  # as it would be recorded
    if plain in ACTORS or plain.startswith(f"{ZENDESK}-"):
        raise Refused("not_allowed", f"{field}: {plain[:40]!r} is a name of Tierline's own: say who it was")


def _not_allowed(message: str) -> Refused:
    return Refused("not_allowed", f"source: {message}", fields={"source": message})


def _wrong(message: str) -> Refused:
    return Refused("malformed", f"source: {message}", fields={"source": message})
