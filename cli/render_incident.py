"""Incidents on paper: what a person sees of the objects that programs get."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.output import console, safe, say
from cli.render_ticket import rows_of, utc, waiting

LONGEST_TEXT = 2000
"""Characters of one text on the timeline; `--json` has all of it."""


def draw_list(lines: list[dict[str, Any]]) -> None:
    """Print a list of incidents."""
    if not lines:
        return say("no incidents")
    table = Table(box=None, pad_edge=False, show_edge=False)
    for heading in ("incident", "", "area", "state", "commander", "tickets", "next update (UTC)", "notes"):
        table.add_column(Text(heading, style="bold"), no_wrap=heading != "notes")
    for line in lines:
        cells = (line["id"], line["priority"], line["product_area"] or "-", line["state"], line["commander"],
                 str(line["tickets"]), utc(line["next_update_due"]), ", ".join(_notes(line)))  # fmt: skip
        table.add_row(*(Text(safe(cell)) for cell in cells))
    console().print(table)


def _notes(line: dict[str, Any]) -> Iterable[str]:
    if line["drill"]:
        yield "drill"
    if line["unanswered"]:
        yield "NOBODY CAME"
    if line["degraded"]:
        yield f"{line['degraded']} degraded"
    if line["review_due"]:
        yield f"review due {utc(line['review_due'])}"


def draw(view: dict[str, Any]) -> None:
    """Print what `services.reading.incident.view` made of an incident."""
    paper = console()
    drill = "DRILL  " if view["drill"] else ""
    about = f"{view['priority']} in {view['product_area'] or 'the service'} · {view['state']}"
    paper.print(Text(safe(f"{drill}{view['id']}  {about}"), style="bold"))
    if view["note"]:
        paper.print(Text(safe(view["note"]), style="yellow"))
    paper.print()
    paper.print(rows_of([*_standing(view), *_ladder(view), *_tickets(view), *_links(view), *waiting(view)]))
    _degraded(paper, view["degraded"])
    paper.print()
    paper.print(rows_of([("would fit", ", ".join(view["would_fit"]) or "nothing")]))
    paper.print()
    paper.print(Text("Timeline", style="bold"), Text("(UTC)", style="dim"))
    for entry in view["timeline"]:
        _entry(paper, entry)


def _standing(view: dict[str, Any]) -> Iterable[tuple[str, str]]:
    roles, updates = view["roles"], view["updates"]
    yield "commander", f"{roles['commander']}; {roles['communications']} writes to customers"
    steps = ("declared", "acknowledged", "mitigated", "resolved", "reviewed")
    yield "times", ", ".join(f"{step} {utc(view[f'{step}_at'])}" for step in steps if view[f"{step}_at"])
    if updates["next_due"]:
        late = f", LATE, told {updates['late']} times" if updates["late"] else ""
        yield "next update", f"due {utc(updates['next_due'])}{late}; {updates['posted']} posted"
    if updates["to_approve"]:
        yield "to approve", f"update {', '.join(map(str, updates['to_approve']))}"
    if view["review"]["due"]:
        yield "review", f"due {utc(view['review']['due'])}"


def _ladder(view: dict[str, Any]) -> Iterable[tuple[str, str]]:
    if view["unanswered"]:
        yield "ladder", "NOBODY CAME: retry pages everybody again"
    for rung in view["ladder"]:
        if rung["due"]:
            yield "pages next", f"{rung['audience']} (level {rung['level']}) at {utc(rung['due'])}"
    for page in view["pages"]:
        fate = {"elsewhere": "second channel, the pager is down", "failed": "NOT TAKEN by the pager"}
        told = fate.get(page["state"], page["state"])
        yield "paged", f"{page['audience'] or 'on-call'} (level {page['level']}, time {page['time']}): {told}"


def _tickets(view: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for ticket in view["tickets"]:
        owes = f", owes {', '.join(ticket['owes'])}" if ticket["owes"] else ""
        bug = f", bug {ticket['jira']}" if ticket["jira"] else ""
        told = "" if ticket["told"] else ", not told yet"
        yield "ticket", f"{ticket['id']} {ticket['priority'] or ''}{bug}{owes}{told}"


def _links(view: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for name in ("jira", "review"):
        if issue := view["links"][name]:
            yield f"{name} issue" if name == "review" else "Jira", f"{issue['key']} {issue['url'] or ''}".strip()
    for action in view["actions"]:
        due = f", due {utc(action['due'])}" if action["due"] else ""
        yield "action", f"{action['owner']}{due}, {action['jira'] or 'no issue yet'}"


def _degraded(paper: Console, parts: list[dict[str, Any]]) -> None:
    """What fails. None of it is in anybody's way, and all of it is tried again."""
    if not parts:
        return
    rows = [
        (
            part["what"],
            f"since {utc(part['since'])}, "
            + ("REFUSED: correct what it names, then retry" if part["failed"] else "tried again by itself"),
        )
        for part in parts
    ]
    paper.print()
    paper.print(Text("Degraded", style="bold red"))
    paper.print(rows_of(rows))


def _entry(paper: Console, entry: dict[str, Any]) -> None:
    if not entry["told"]:
        return
    first, _, rest = safe(entry["told"]).partition("\n")
    paper.print(Text(f"{entry['seq']:>4}  {utc(entry['at'])}  ", style="dim"), Text(first), sep="")
    for line in rest[:LONGEST_TEXT].splitlines():
        paper.print(Text(f"{'':27}{line}"))
