"""Rendering: the templates, and how instants and durations are written on pages.

Instants are shown in the zone of the person's browser, as `<time datetime=...>` with the instant in UTC; the page's
script keeps "in 2 h" true. Everything is escaped, and an unknown name in a template is an error.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache, lru_cache
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse

from domain.aggregate.command import LEADS
from domain.core.enums import Role, WaitsOn
from domain.core.money import in_words
from domain.core.text import strip_invisible
from domain.ticket.rules.handling import Take
from domain.ticket.rules.templates import PERSONAL, gaps
from services.policy_file.zones import known_zone, zone_info
from services.security.sessions import SignedIn
from store.queries import Behind, Line
from store.reply_templates import Offer
from web.forms import CommandForm, FormField, label_of
from web.gate import Form, masked
from web.instants import SUGGESTED

HERE = Path(__file__).parent
STATIC = HERE / "static"
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d(?::\d\d)?)(?: UTC)?")
_WAITS_ON = {WaitsOn.ESCALATION.value: "escalation", WaitsOn.TRACKER.value: "engineering"}
"""What a ticket waits on, where people call it otherwise than its name."""


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page for whoever is signed in."""
    signed_in: SignedIn | None = request.state.signed_in
    zone, now = signed_in.zone if signed_in else "UTC", datetime.now(UTC)
    common = {
        "me": signed_in.caller if signed_in else None,
        "zone": zone,
        "csrf": masked(signed_in.csrf) if signed_in else "",
        "now": now,
        "today": now.astimezone(zone_info(zone)).date(),
        "at": request.state.position,
        "path": request.url.path,
        "request_id": request.state.request_id,
    }
    return HTMLResponse(_environment().get_template(template).render(common | values), status)


def public_page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Render a page for whoever comes: nobody is signed in."""
    return HTMLResponse(_environment().get_template(template).render(values), status)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "at": at,
        "clock": clock,
        "away": away,
        "span": span,
        "plain": strip_invisible,
        "there": there,
        "for_customer": for_customer,
        "account_address": account_address,
        "money": lambda amount, currency: in_words(Decimal(amount), currency),
        "words": lambda name: str(name).replace("_", " "),
        "field_words": lambda name: str(name).rpartition(".")[2].replace("_", " "),
        "label_of": label_of,
        "local_times": local_times,
        "waits_on": lambda what: _WAITS_ON.get(str(what), str(what).replace("_", " ")),
    }
    made.globals |= {
        "static": static_address,
        "csrf_field": csrf_field,
        "once_field": once_field,
        "queue_line": queue_line,
        "stretches": stretches,
        "blank_field": blank_field,
        "blank_command": blank_command,
        "blank_message": blank_message,
        "blank_fields": blank_fields,
        "nothing": Form({}),
        "leads": LEADS,
        "readers_of_credits": LEADS | {Role.CSM, Role.FINANCE},
        "takers": Take.who,
        "gaps": gaps,
        "personal": PERSONAL,
        "instants": SUGGESTED,
    }
    return made


@cache
def static_address(name: str) -> str:
    """Return the address of a static file: it changes with the content, so that browsers may keep it for ever."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/desk/static/{name}?v={digest}"


def account_address(named: str) -> str:
    """Return the address of an account's page."""
    return f"/desk/accounts/{quote(named, safe='')}"


@pass_context
def csrf_field(context: Context) -> Markup:
    """Write the hidden field that shows that a form is of this session."""
    return Markup(f'<input type="hidden" name="csrf" value="{escape(context["csrf"])}">')


def once_field() -> Markup:
    """Write the hidden field that makes a form's command one command, however often it is sent."""
    return Markup(f'<input type="hidden" name="once" value="{uuid4().hex}">')


@lru_cache(maxsize=2_000)
def blank_field(one: FormField, element: str, rows: int = 3) -> Markup:
    """Write a field that nobody has typed into, and keep it: it is the same on every page."""
    macros: Any = _environment().get_template("forms.html").module
    return Markup(macros.written_field(one, Form({}), None, element, rows))


@lru_cache(maxsize=500)
def blank_fields(form: CommandForm, skip: tuple[str, ...] = ()) -> Markup:
    """Write the fields of a form that nobody has typed into, but for those to `skip`."""
    shown = (one for one in form.fields if one.name not in skip)
    return Markup("").join(blank_field(one, f"{form.name}-{one.name}") for one in shown)


_PLACE = token_hex(8)
"""Stands in what is written once, where each page has something else. Nobody can write it."""
_CSRF, _ONCE, _SEEN, _BASE, _SUFFIX, _TICKET = (
    f"{_PLACE}-{name}" for name in ("csrf", "once", "seen", "base", "suffix", "ticket")
)


@pass_context
def blank_command(
    context: Context,
    ticket: str,
    form: CommandForm,
    title: str | None,
    button: str | None,
    key: str | None,
    skip: tuple[str, ...],
    draft: bool,
) -> Markup:
    """Write the form of a command that nobody has typed into: but for what it carries, it is the same on each page."""
    return _placed(context, _blank_command(form, title, button, key, skip, draft), ticket)


@pass_context
def blank_message(context: Context, form: CommandForm, place: str, title: str, key: str) -> Markup:
    """Write the form of a message to the customer that nobody has typed into."""
    return _placed(context, _blank_message(form, place, title, key, tuple(context["templates"])), "")


def _placed(context: Context, written: str, ticket: str) -> Markup:
    """Put what one page has into a form that was written once."""
    about: Any = context["ticket"]
    given = {
        _CSRF: context["csrf"], _ONCE: uuid4().hex, _SEEN: str(about["seq"]), _BASE: context["base"],
        _SUFFIX: context.get("suffix", ""), _TICKET: ticket,
    }  # fmt: skip
    for place, value in given.items():  # none of these values is anything that people write
        written = written.replace(place, value)
    return Markup(written)


@lru_cache(maxsize=1_000)
def _blank_command(
    form: CommandForm, title: str | None, button: str | None, key: str | None, skip: tuple[str, ...], draft: bool
) -> str:
    written = _blank_forms(()).written_command
    return str(written(_TICKET, form, Form({}), None, title, button, key, skip=skip, draft=draft))


@lru_cache(maxsize=100)
def _blank_message(form: CommandForm, place: str, title: str, key: str, templates: tuple[Offer, ...]) -> str:
    return str(_blank_forms(templates).written_message(form, place, title, key))


def _blank_forms(templates: tuple[Offer, ...]) -> Any:
    """Return the macros of forms as they are for a page that has only places."""
    values = {
        "ticket": {"seq": _SEEN}, "base": _BASE, "suffix": _SUFFIX, "csrf": _CSRF, "drafts": {}, "typed": Form({}),
        "refused": None, "templates": templates,
        "once_field": lambda: Markup(f'<input type="hidden" name="once" value="{_ONCE}">'),
    }  # fmt: skip
    return _environment().get_template("forms.html").make_module(values)


@pass_context
def stretches(context: Context, lines: Sequence[Mapping[str, Any]]) -> Markup:
    """Write the stretches of a clock. They are kept as long as the clock's explanation is the same object, as it is
    until the clock changes (`services.reading.explained`)."""
    key = id(lines), context["zone"], context["today"]
    known = _STRETCHES.get(key)
    if known is None or known[0] is not lines:
        if len(_STRETCHES) >= MOST_STRETCHES:
            _STRETCHES.clear()
        values = {"lines": lines, "zone": context["zone"], "today": context["today"]}
        written = Markup(_environment().get_template("ticket_stretches.html").render(values))
        known = _STRETCHES[key] = lines, written
    return known[1]


MOST_STRETCHES = 2_000
_STRETCHES: dict[tuple[int, str, date], tuple[Sequence[Mapping[str, Any]], Markup]] = {}
"""By the identity of the stretches, which are kept beside, so that no others can get it."""


@pass_context
def queue_line(context: Context, line: Line, behind: Behind, left: timedelta | None) -> Markup:
    """Write a line of the queue; `left` is the support time that it has. Most stand as they stood when the queue was
    shown last, to whomever."""
    stopped = span(left) if left is not None else ""
    return _queue_line(
        line, behind.seq, behind.account_zone, stopped, away(context, line.sla_deadline), context["zone"],
        context["today"],
    )  # fmt: skip


@lru_cache(maxsize=4_000)
def _queue_line(
    line: Line, seq: int, account_zone: str | None, left: str, away: Markup, zone: str, today: date
) -> Markup:
    values = {"line": line, "seq": seq, "account_zone": account_zone, "left": left, "away": away}
    return Markup(_environment().get_template("queue_line.html").render(values | {"zone": zone, "today": today}))


@pass_context
def at(context: Context, value: datetime | str | None) -> Markup:
    """Write an instant with its day: `Mon 30 Nov, 14:05`. A dash for none."""
    return _at(value, context["zone"], context["today"]) if value else Markup("&ndash;")


@pass_context
def clock(context: Context, value: datetime | str | None) -> Markup:
    """Write an instant shortly: the time if it is today, the day and the time otherwise. A dash for none."""
    return _clock(value, context["zone"], context["today"]) if value else Markup("&ndash;")


# A page has a hundred instants, most of which it had when it was last loaded.


@lru_cache(maxsize=20_000)
def _at(value: datetime | str, zone: str, today: date) -> Markup:
    instant, local = _in_zone(value, zone)
    form = "%a %d %b, %H:%M" if local.year == today.year else "%d %b %Y, %H:%M"
    return _time(instant, local, f"{local:{form}}")


@lru_cache(maxsize=20_000)
def _clock(value: datetime | str, zone: str, today: date) -> Markup:
    instant, local = _in_zone(value, zone)
    return _time(instant, local, f"{local:%H:%M}" if local.date() == today else f"{local:%a %d %b, %H:%M}")


def _in_zone(value: datetime | str, zone: str) -> tuple[datetime, datetime]:
    """Return an instant, and the same as clocks of a zone show it."""
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    return instant, instant.astimezone(zone_info(zone))


def there(value: datetime | str, zone: str) -> str:
    """Write an instant in another zone than the person's, such as the customer's: `Mon 09:05`."""
    known = known_zone(zone)
    return f"{_in_zone(value, known)[1]:%a %H:%M}" if value and known else "-"


@pass_context
def local_times(context: Context, text: str) -> Markup:
    """Write a sentence of ours with its instants, which it has in UTC, in the person's zone."""
    parts = _INSTANT.split(text)
    said = escape(parts[0])
    for day, time, rest in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        said += _clock(f"{day}T{time}+00:00", context["zone"], context["today"]) + escape(rest)
    return said


@pass_context
def for_customer(context: Context, value: datetime | str | None, zone: str | None) -> Markup:
    """Write what clocks of the customer's zone show at an instant, to stand behind it: `(09:05 there)`, with the day
    where it is another. Nothing where they show what the person's own clocks do, or the zone is not known."""
    return _for_customer(value, zone, context["zone"]) if value and zone else Markup("")


@lru_cache(maxsize=20_000)
def _for_customer(value: datetime | str, zone: str, own: str) -> Markup:
    known = known_zone(zone)
    if known is None:
        return Markup("")
    local, mine = _in_zone(value, known)[1], _in_zone(value, own)[1]
    if local.utcoffset() == mine.utcoffset():
        return Markup("")
    form = "%H:%M" if local.date() == mine.date() else "%a %H:%M"
    said = '<span class="dim small nowrap" title="for the customer, in {}">({} there)</span>'
    return Markup(" ") + Markup(said).format(known, f"{local:{form}}")


@pass_context
def away(context: Context, value: datetime | str | None) -> Markup:
    """Write how far away an instant is: `in 2 h 5 min`, `3 d ago`. The page's script keeps it true."""
    if not value:
        return Markup("")
    instant = datetime.fromisoformat(value) if isinstance(value, str) else value
    distance = instant - context["now"]
    return _away(
        instant, f"in {span(distance)}" if distance > timedelta(0) else f"{span(-distance)} ago", context["zone"]
    )


@lru_cache(maxsize=20_000)
def _away(instant: datetime, text: str, zone: str) -> Markup:
    return _time(instant, _in_zone(instant, zone)[1], text, relative=True)


def _time(instant: datetime, local: datetime, text: str, *, relative: bool = False) -> Markup:
    """Write a `<time>`. A page has a hundred of them, so the parts are escaped and joined by hand."""
    utc = instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
    title, attribute = escape(f"{local:%Y-%m-%d %H:%M:%S %Z}"), " data-away" if relative else ""
    return Markup(f'<time datetime="{utc}" title="{title}"{attribute}>{escape(text)}</time>')


def span(value: timedelta | float | None) -> str:
    """Write a duration with its two largest units: `2 d 3 h`, `14 min`, `40 s`."""
    if value is None:
        return "-"
    seconds = int(value.total_seconds() if isinstance(value, timedelta) else value)
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours, days = seconds // 60 % 60, seconds // 3600 % 24, seconds // 86400
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"
