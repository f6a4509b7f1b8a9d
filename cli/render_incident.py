"""Incidents on paper: what a person sees of the objects that programs get."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from cli.output import console, print_line, safe
from cli.render_ticket import rows_of, waiting
from cli.tables import Column, draw_table
from cli.times import due, local, short, zone
from domain.core.text import one_line

LONGEST_TEXT = 2000
"""Characters of one text on the timeline; `--json` has all of it."""


def draw_list(lines: list[dict[str, Any]], screen: Console | None = None, now: datetime | None = None) -> None:
    """Print a list of incidents. `now`: for how far away an update is.

    What somebody must see (that nobody came) stands early, and is never cut; what it is about, which is last, is.
    """
    if not lines:
        return print_line("no incidents")
    screen = screen or console(uncut=True)
    wide, widest = screen.width >= 110, screen.width >= 150
    columns = [
        *(Column("incident"), Column(""), Column("state"), Column("update"), Column("notes", None if wide else 20)),
        *([Column("commander", 12), Column("tickets")] if wide else []),
        *([Column("area", 16)] if widest else []),
        Column("about"),
    ]
    rows = []
    for line in lines:
        update, area = due(line["next_update_due"], now), safe(line["product_area"] or "-")
        row = [
            Text(line["id"]),
            Text(line["priority"], style="bold red" if line["priority"] == "P0" else ""),
            Text(line["state"]),
            Text(update, style="red" if update.endswith("late") else ""),
            Text(safe(", ".join(_notes(line)) or "-"), style="bold red" if line["unanswered"] else ""),
            *([Text(safe(line["commander"])), Text(str(line["tickets"]))] if wide else []),
            *([Text(area)] if widest else []),
            Text(one_line(safe(line.get("subject") or ""), LONGEST_TEXT) or area),
        ]
        rows.append(row)
    draw_table(screen, columns, rows)


def _notes(line: dict[str, Any]) -> Iterable[str]:
    if line["unanswered"]:
        yield "NOBODY CAME"
    if line["drill"]:
        yield "drill"
    if line["degraded"]:
        yield f"{line['degraded']} degraded"
    if line["review_due"]:
        yield f"review due {short(line['review_due'])}"


def draw(view: dict[str, Any]) -> None:
    """Print what `services.reading.incident.view` made of an incident."""
    screen = console()
    drill = "DRILL  " if view["drill"] else ""
    about = f"{view['priority']} in {view['product_area'] or 'the service'} · {view['state']}"
    screen.print(Text(safe(f"{drill}{view['id']}  {about}"), style="bold"))
    if view["note"]:
        screen.print(Text(safe(view["note"]), style="yellow"))
    screen.print()
    screen.print(rows_of([*_facts(view), *_ladder(view), *_tickets(view), *_links(view), *waiting(view)]))
    _degraded(screen, view["degraded"])
    screen.print()
    screen.print(rows_of([("allowed now", ", ".join(view["allowed_commands"]) or "nothing")]))
    screen.print()
    screen.print(Text("Timeline", style="bold"), Text(f"({zone()})", style="dim"))
    for entry in view["timeline"]:
        _entry(screen, entry)


def _facts(view: dict[str, Any]) -> Iterable[tuple[str, str]]:
    roles, updates = view["roles"], view["updates"]
    yield "commander", f"{roles['commander']}; {roles['communications']} writes to customers"
    steps = ("declared", "acknowledged", "mitigated", "resolved", "reviewed")
    yield "times", ", ".join(f"{step} {local(view[f'{step}_at'])}" for step in steps if view[f"{step}_at"])
    if updates["next_due"]:
        late = f", LATE, told {updates['late']} times" if updates["late"] else ""
        yield "next update", f"due {local(updates['next_due'])}{late}; {updates['posted']} posted"
    if updates["to_approve"]:
        yield "to approve", f"update {', '.join(map(str, updates['to_approve']))}"
    if view["review"]["due"]:
        yield "review", f"due {local(view['review']['due'])}"


def _ladder(view: dict[str, Any]) -> Iterable[tuple[str, str]]:
    if view["unanswered"]:
        yield "ladder", "NOBODY CAME: retry pages everybody again"
    for step in view["ladder"]:
        if step["due"]:
            yield "pages next", f"{step['audience']} (level {step['level']}) at {local(step['due'])}"
    for page in view["pages"]:
        fate = {"elsewhere": "second channel, the pager is down", "failed": "NOT TAKEN by the pager"}
        state = fate.get(page["state"], page["state"])
        yield "paged", f"{page['audience'] or 'on-call'} (level {page['level']}, time {page['time']}): {state}"


def _tickets(view: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for ticket in view["tickets"]:
        owes = f", owes {', '.join(ticket['owes'])}" if ticket["owes"] else ""
        bug = f", bug {ticket['jira']}" if ticket["jira"] else ""
        notified = "" if ticket["notified"] else ", not notified yet"
        yield "ticket", f"{ticket['id']} {ticket['priority'] or ''}{bug}{owes}{notified}"


def _links(view: dict[str, Any]) -> Iterable[tuple[str, str]]:
    for name in ("jira", "review"):
        if issue := view["links"][name]:
            yield f"{name} issue" if name == "review" else "Jira", f"{issue['key']} {issue['url'] or ''}".strip()
    for action in view["actions"]:
        due = f", due {local(action['due'])}" if action["due"] else ""
        yield "action", f"{action['owner']}{due}, {action['jira'] or 'no issue yet'}"


def _degraded(screen: Console, parts: list[dict[str, Any]]) -> None:
    """Print what fails. None of it blocks anybody, and all of it is tried again."""
    if not parts:
        return
    rows = [
        (
            part["what"],
            f"since {local(part['since'])}, "
            + ("REFUSED: correct what it names, then retry" if part["failed"] else "tried again by itself"),
        )
        for part in parts
    ]
    screen.print()
    screen.print(Text("Degraded", style="bold red"))
    screen.print(rows_of(rows))


def _entry(screen: Console, entry: dict[str, Any]) -> None:
    if not entry["summary"]:
        return
    first, _, rest = safe(entry["summary"]).partition("\n")
    screen.print(Text(f"{entry['seq']:>4}  {local(entry['at'])}  ", style="dim"), Text(first), sep="")
    for line in rest[:LONGEST_TEXT].splitlines():
        screen.print(Text(f"{'':27}{line}"))
