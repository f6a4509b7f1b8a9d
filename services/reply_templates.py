"""Reply templates (F9): who may change one, which are offered on a ticket, and how each did.

Everybody who is signed in reads them; a lead, ops and admins change them. A template is never deleted, only retired: it
is offered no more, and a reply that was begun with it still goes out.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import ValidationError

from domain.aggregate.command import LEADS, malformed
from domain.core.enums import Channel, Role
from domain.core.refusal import Refused
from domain.core.values import Instant
from domain.ticket.rules.templates import Template, check_template, fill, values_of
from domain.ticket.state import Ticket
from store import journal
from store import reply_templates as rows
from store.database import Database, DatabaseDown, lock
from store.reply_templates import Offer, Use
from store.tables.web import ReplyTemplateRow

MOST = 500
"""Templates that there may be."""
COUNTED = timedelta(days=90)
"""How far back the replies of a template are counted."""
MAY_CHANGE = LEADS
NEVER_SENT = Use(0, 0, 0, 0)


class Kept(Template):
    """A template as it is kept."""

    retired: bool = False
    version: int
    updated_by: str
    updated_at: Instant


class Listed(NamedTuple):
    """A template in the list, and how its replies did."""

    template: Kept
    use: Use


def listed(db: Database, now: datetime) -> list[Listed]:
    """Return all templates with how each did in the last 90 days. Raises DatabaseDown."""
    with db.session() as session:
        found, uses = rows.listed(session, limit=MOST), rows.uses(session, now - COUNTED)
    return [Listed(_kept(row), uses.get(row.name, NEVER_SENT)) for row in found]


def find_template(db: Database, name: str) -> Kept:
    """Return a template, retired or not. Raises Refused (`malformed`) if there is none, DatabaseDown."""
    with db.session() as session:
        row = rows.find(session, name)
    if row is None:
        message = f"there is no template {name[:60]!r}"
        raise Refused("malformed", message, fields={"template": message})
    return _kept(row)


def offered(db: Database, ticket: Ticket) -> list[Offer]:
    """Return the templates that are not retired, those of the ticket's language and channel first. Raises
    DatabaseDown."""
    with db.session() as session:
        found = rows.offered(session, limit=MOST)

    def fits(one: Offer) -> tuple[bool, bool]:
        language = one.language.partition("-")[0] != ticket.language.partition("-")[0]
        return language, one.channel not in (None, ticket.channel.value)

    return sorted(found, key=fits)


def offered_or_none(db: Database, ticket: Ticket) -> list[Offer]:
    """Return what is offered on a ticket; nothing while the database is away."""
    try:
        return offered(db, ticket)
    except DatabaseDown:
        return []


def filled(db: Database, name: str, ticket_id: str, agent: str) -> str:
    """Return a template's text with what the ticket has filled in. Raises Refused (`malformed`, `not_found`),
    DatabaseDown."""
    template = find_template(db, name)
    with db.session() as session:
        ticket, texts = journal.load(session, ticket_id), journal.texts(session, ticket_id)
    if ticket is None:
        raise Refused("not_found", f"there is no ticket {ticket_id}")
    return fill(template.body, values_of(ticket, texts.get("1.subject", ""), agent))


def make(fields: dict[str, str]) -> Template:
    """Make a template of what a form or a file says. Raises Refused (`malformed`) with every fault."""
    channel = {"channel": fields.get("channel") or None}
    try:
        template = Template.model_validate(fields | channel)
    except ValidationError as error:
        raise malformed(error, model=Template) from None
    check_template(template)
    return template


def save(db: Database, template: Template, *, by: str, role: Role, version: int = 0, retired: bool = False) -> Kept:
    """Keep a template, new (`version` 0) or changed. `version` is that which was changed.

    Raises Refused: `not_allowed` for the role, `conflict` if somebody else has changed it meanwhile or the name is
    taken, `too_large` where there are too many. Raises DatabaseDown.
    """
    check_may_change(role)
    values = template.model_dump() | {"channel": template.channel and template.channel.value}
    values |= {"retired": retired, "updated_by": by, "updated_at": db.clock.now()}
    with db.begin() as session:
        lock(session, "reply_template", template.name)
        row = rows.find(session, template.name)
        if row is None:
            if rows.count(session) >= MOST:
                raise Refused("too_large", f"{MOST} templates at most: change one that is retired")
            return _kept(rows.keep(session, ReplyTemplateRow(**values, version=1)))
        if version != row.version:
            raise _changed(row)
        return _kept(rows.change(session, row, values | {"version": row.version + 1}))


def check_may_change(role: Role) -> None:
    """Refuse whoever may not change templates. Raises Refused (`not_allowed`)."""
    if role not in MAY_CHANGE:
        raise Refused("not_allowed", f"templates are changed by {', '.join(sorted(MAY_CHANGE))}: ask a lead")


def _changed(row: ReplyTemplateRow) -> Refused:
    who = f"{row.updated_by} changed template {row.name} meanwhile (version {row.version})"
    return Refused("conflict", f"{who}: look at it, then change it again")


def _kept(row: ReplyTemplateRow) -> Kept:
    return Kept(
        name=row.name,
        situation=row.situation,
        channel=Channel(row.channel) if row.channel else None,
        language=row.language,
        tone=row.tone,
        body=row.body,
        retired=row.retired,
        version=row.version,
        updated_by=row.updated_by,
        updated_at=row.updated_at,
    )
