"""Reply templates (F9): who may change one, which are offered on a ticket, and how each did.

Everybody who is signed in reads them; a lead, ops and admins change them. A template is never deleted, only retired: it
is offered no more, and a reply that was begun with it still goes out.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import ValidationError

from domain.aggregate.command import LEADS, malformed
from domain.core.enums import Channel, Role
from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant
from domain.ticket.rules.templates import Template, check_template, fill, gaps, values_of
from domain.ticket.state import Ticket
from store import journal
from store import reply_templates as rows
from store.database import Database, lock
from store.questions import Asked
from store.reply_templates import Offer, Use
from store.tables.web import ReplyTemplateRow

MOST = 500
"""Templates that there may be."""
COUNTED = timedelta(days=90)
"""How far back the replies of a template are counted."""
MAY_CHANGE = LEADS
EXAMPLE = {
    "ticket": "4k7m-3q9x-tbd2", "account": "acme", "subject": "Export fails", "priority": "P2", "category": "bug",
    "product area": "reports", "issue": "ENG-17", "fix versions": "4.13", "agent": "ada",
}  # fmt: skip
"""What a preview without a ticket puts into the gaps that a ticket fills."""


class KeptTemplate(Template):
    """A template as it is kept."""

    retired: bool = False
    version: int
    updated_by: str
    updated_at: Instant


class TemplateLine(Frozen):
    """A template in the list, and how its replies did."""

    template: KeptTemplate
    use: Use


class Templates(Frozen):
    """All templates: those that are retired come last."""

    templates: list[TemplateLine]
    days: int
    """How far back their replies are counted."""


class Preview(Frozen):
    """A template's text on a ticket, or on an example."""

    template: str
    text: str
    """With what the ticket fills in."""
    gaps: list[str]
    """The names of the gaps that are left to the agent, the personal line among them."""


class Change(Frozen):
    """What is to change of a template: what is None stays."""

    situation: str | None = None
    channel: Channel | Literal["any"] | None = None
    language: str | None = None
    tone: str | None = None
    body: str | None = None


def listed(db: Database) -> Templates:
    """Return all templates with how each did in the last 90 days. Raises DatabaseDown."""
    with db.session() as session:
        found, uses = rows.listed(session, limit=MOST), rows.uses(session, db.clock.now() - COUNTED)
    lines = [TemplateLine(template=_kept(row), use=uses.get(row.name, Use())) for row in found]
    return Templates(templates=lines, days=COUNTED.days)


def read_template(db: Database, name: str) -> KeptTemplate:
    """Return a template, retired or not. Raises Refused (`not_found`), DatabaseDown."""
    with db.session() as session:
        row = rows.find(session, name)
    if row is None:
        raise Refused("not_found", f"there is no template {name[:60]!r}")
    return _kept(row)


def template_of_message(db: Database, name: str) -> KeptTemplate:
    """Return the template that a message names, retired or not. Raises Refused (`malformed`) if there is none,
    DatabaseDown."""
    try:
        return read_template(db, name)
    except Refused as refused:
        raise Refused("malformed", refused.message, fields={"template": refused.message}) from None


def asked_by_offered() -> Asked:
    """Return what `offered` asks, to be asked together with other questions."""
    return rows.asked_by_offered(limit=MOST)


def offered(db: Database, ticket: Ticket) -> list[Offer]:
    """Return the templates that are not retired, those of the ticket's language and channel first. Raises
    DatabaseDown."""
    with db.session() as session:
        found = rows.offered(session, limit=MOST)

    def fits(one: Offer) -> tuple[bool, bool]:
        language = one.language.partition("-")[0] != ticket.language.partition("-")[0]
        return language, one.channel not in (None, ticket.channel.value)

    return sorted(found, key=fits)


def filled(db: Database, name: str, ticket_id: str, agent: str) -> str:
    """Return a template's text with what the ticket has filled in. Raises Refused (`not_found`), DatabaseDown."""
    template = read_template(db, name)
    with db.session() as session:
        ticket, texts = journal.load(session, ticket_id), journal.texts(session, ticket_id)
    if ticket is None:
        raise Refused("not_found", f"there is no ticket {ticket_id}")
    return fill(template.body, values_of(ticket, texts.get("1.subject", ""), agent))


def preview(db: Database, name: str, ticket_id: str | None, agent: str) -> Preview:
    """Return how a template looks on a ticket, or on an example where no ticket is named. Raises Refused
    (`not_found`), DatabaseDown."""
    if ticket_id:
        text = filled(db, name, ticket_id, agent)
    else:
        text = fill(read_template(db, name).body, EXAMPLE | {"agent": agent})
    return Preview(template=name, text=text, gaps=gaps(text))


def make(fields: Mapping[str, Any]) -> Template:
    """Make a template of what a form or a file says. Raises Refused (`malformed`) with every fault."""
    channel = fields.get("channel")
    try:
        template = Template.model_validate({**fields, "channel": None if channel in ("", "any") else channel})
    except ValidationError as error:
        raise malformed(error, model=Template) from None
    check_template(template)
    return template


def save(
    db: Database, template: Template, *, by: str, role: Role, version: int = 0, retired: bool = False
) -> KeptTemplate:
    """Keep a template, new (`version` 0) or changed. `version` is that which was changed.

    One that is there already, word for word, is left as it is: so it may be sent again. Raises Refused: `not_allowed`
    for the role, `conflict` if somebody else has changed it meanwhile or the name is taken, `too_large` where there are
    too many. Raises DatabaseDown.
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
        known = _kept(row)
        if version in (0, known.version) and known.retired == retired and _content(known) == _content(template):
            return known
        if version == 0:
            raise Refused("conflict", f"there is a template {known.name} already: edit it, or choose another name")
        if version != known.version:
            raise _changed(row)
        return _kept(rows.change(session, row, values | {"version": row.version + 1}))


def edit(db: Database, name: str, change: Change, *, by: str, role: Role, version: int | None = None) -> KeptTemplate:
    """Change some of a template. `version` is that which was looked at; None: whichever there is now. Raises what
    `save` raises, and Refused (`not_found`, `malformed`)."""
    check_may_change(role)
    known = read_template(db, name)
    template = make(_content(known) | change.model_dump(exclude_none=True))
    looked_at = known.version if version is None else version
    return save(db, template, by=by, role=role, version=looked_at, retired=known.retired)


def retire(db: Database, name: str, *, by: str, role: Role, retired: bool = True) -> KeptTemplate:
    """Offer a template no more, or again. Where it is so already, nothing changes. Raises what `save` raises, and
    Refused (`not_found`)."""
    check_may_change(role)
    known = read_template(db, name)
    if known.retired == retired:
        return known
    template = Template.model_validate(_content(known))
    return save(db, template, by=by, role=role, version=known.version, retired=retired)


def check_may_change(role: Role) -> None:
    """Refuse whoever may not change templates. Raises Refused (`not_allowed`)."""
    if role not in MAY_CHANGE:
        raise Refused("not_allowed", f"templates are changed by {', '.join(sorted(MAY_CHANGE))}: ask a lead")


def _content(template: Template) -> dict[str, Any]:
    """Return what people write of a template."""
    return template.model_dump(include=set(Template.model_fields))


def _changed(row: ReplyTemplateRow) -> Refused:
    who = f"{row.updated_by} changed template {row.name} meanwhile (version {row.version})"
    return Refused("conflict", f"{who}: look at it, then change it again")


def _kept(row: ReplyTemplateRow) -> KeptTemplate:
    return KeptTemplate(
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
