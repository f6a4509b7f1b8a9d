"""A ticket and a queue on paper: what a person sees of the objects that programs get."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.output import console, safe
from cli.tables import Column, draw_table
from cli.times import due, local, short, zone
from domain.core.money import in_words
from domain.core.text import one_line

WIDE = 130
"""Columns of a terminal in which every column of the clocks has its place."""
LONGEST_TEXT = 2000
"""Characters of one text on the timeline; `--json` has all of it."""
_STATES = {"missed": "bold red", "running": "yellow", "met": "green"}


def draw(view: dict[str, Any]) -> None:
    """Print what `cli.show.view` made of a ticket."""
    screen = console()
    _heading(screen, view)
    _fields(screen, view)
    _clocks(screen, view)
    _needs(screen, view)
    screen.print()
    screen.print(Text("Timeline", style="bold"), Text(f"({zone()})", style="dim"))
    for entry in view["timeline"]:
        _entry(screen, entry)


def _heading(screen: Console, view: dict[str, Any]) -> None:
    about = f"{view['priority']} {view['category']} · {view['status']} in {view['tier']}"
    screen.print(Text(f"{view['id']}  {about}", style="bold"))
    if view["subject"]:
        screen.print(Text(one_line(safe(view["subject"]), LONGEST_TEXT)))
    if view["note"]:
        screen.print(Text(safe(view["note"]), style="yellow"))
    screen.print()


def _fields(screen: Console, view: dict[str, Any]) -> None:
    account, waits, sla = view["account"], view["waits"], view["sla"]
    arr = account["arr"] or "unknown"
    assumed = " ASSUMED: the account is not known" if view["account_unknown"] else ""
    warning = f"{view['channel']} IS OUTSIDE THE PLAN" if view["channel_outside_plan"] else ""
    rows: list[tuple[str, str]] = [
        ("waits on", f"{waits['on']} since {local(waits['since'])}{_because(view)}"),
        ("assignee", view["assignee"] or "nobody"),
        ("team", _route(view["route"])),
        ("SLA", f"{sla['state']}, deadline {_deadline(sla['deadline'])}, policy {sla['policy']}"),
        ("account", f"{account['id']}, {account['plan']}{assumed}, health {account['health']}, ARR {arr}"),
        ("came by", f"{view['channel']} at {local(view['opened_at'])}, from {view['source']} as {view['external_id']}"),
        ("", warning),
        ("", f"AUTOMATIC: a machine wrote it ({automatic})" if (automatic := view.get("automatic")) else ""),
        ("not read", ", ".join(view.get("taken_as_unknown", ()))),
        ("about", ", ".join(filter(None, [view["product_area"], view["language"], *view["tags"]]))),
        ("classified", _reasons(view["reasons"])),
        *_links(view["links"]),
        ("moves", f"handed back {view['bounces']} times, reopened {view['reopenings']} times"),
    ]
    rows += [("outstanding", _outstanding(effect)) for effect in view["outstanding"]]
    rows += [("REFUSED", _refused_delivery(one)) for one in view.get("refused_deliveries", ())]
    rows += [("promised", _promise(one)) for one in view.get("promises", ())]
    rows += waiting(view)
    if resolution := view["resolution"]:
        csat = f", rated {resolution['csat']} of 5" if resolution["csat"] else ""
        csat += f", easy {easy} of 7" if (easy := resolution.get("effort")) else ""
        rows.append(("resolved", f"{resolution['type']} at {local(resolution['resolved_at'])}{csat}"))
    rows += [("refund", _refund(one)) for one in view.get("refunds", ())]
    screen.print(rows_of(rows))


def _refund(one: dict[str, Any]) -> str:
    """Return a refund (F6), what was decided about it, and whether billing has it."""
    money = in_words(Decimal(one["amount"]), one["currency"])
    by = f" by {one['decided_by']}" if one["decided_by"] else ""
    billing = f", billing has it since {local(one['applied_at'])}" if one["applied_at"] else ""
    state = "waits for approval" if one["state"] == "requested" else f"{one['state']}{by}{billing}"
    return f"{one['number']}: {money}, {one['reason'].replace('_', ' ')}, requested by {one['requested_by']}: {state}"


def _deadline(iso: str | None) -> str:
    return f"{local(iso)} ({due(iso)})" if iso else "-"


def _route(route: dict[str, Any] | None) -> str:
    """Return whose ticket it is, and why (G10)."""
    if route is None:
        return ""
    agent = f", for {route['agent']}" if route["agent"] else ""
    return f"{route['team']}{agent}, by {', '.join(route['why'])}"


def _reasons(reasons: Iterable[dict[str, Any]]) -> str:
    """Return why the fields that the form did not say are as they are."""
    stated = [
        f"{one['field'].replace('_', ' ')} by {'rule ' + one['rule'] if one['rule'] else one['by']}"
        + (f" ({one['where']})" if one["where"] else "")
        for one in reasons
    ]
    return "; ".join(stated)


def _links(links: dict[str, Any]) -> Iterable[tuple[str, str]]:
    if jira := links["jira"]:
        yield "Jira", f"{jira['key']} is {jira['status'] or jira['category']}: {jira['url']}"
        yield from _engineering(jira)
    if incident := links["incident"]:
        yield "incident", f"incident-{incident['number']} is {incident['state']}"
    if links["parent"]:
        yield "parent", links["parent"]


def _engineering(jira: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """Return what engineering says of the issue, where it says anything."""
    end = [jira["resolution"], f"in {', '.join(jira['fix_versions'])}" if jira["fix_versions"] else None]
    if release := jira.get("release_date"):
        yield "planned", f"for release on {release}"
    duplicate = jira["duplicate_of"] and f"a duplicate of {jira['duplicate_of']}"
    for label, words in (
        ("worked on by", jira["assignee_name"] or jira["assignee"]),
        ("ended as", ", ".join(word for word in (*end, duplicate) if word)),
        ("engineering", jira["said"][:LONGEST_TEXT]),
        ("proposed", jira["proposed"]),
    ):
        if words:
            yield label, words


def _promise(one: dict[str, Any]) -> str:
    of_the_fix = " of the fix" if one["fix"] else ""
    state = ", NOT KEPT" if one["broken"] else ", AT RISK: engineering plans it for later" if one["at_risk"] else ""
    kind = one["kind"].replace("_", "-")
    return f"{kind} {one['number']}{of_the_fix} by {one['by']}, due {local(one['due'])}{state}"


def _refused_delivery(one: dict[str, Any]) -> str:
    missing = f" (missing: {', '.join(one['missing'])})" if one["missing"] else ""
    return f"what {one['source']} sent at {local(one['at'])}, {one['code']}{missing}: tierline deliveries list"


def _outstanding(effect: dict[str, Any]) -> str:
    refused = ", REFUSED: correct what it names, then retry" if effect["failed"] else ""
    return f"{effect['kind']} since {local(effect['since'])}{refused}"


def _because(view: dict[str, Any]) -> str:
    """Return why it waits for another system, where something that it asked of one has failed."""
    failing = view["pending_activities"]
    if failing:
        return f", because: {failing[0]['reason']}"
    return ", because it was refused: see below" if any(one["failed"] for one in view["outstanding"]) else ""


def waiting(view: dict[str, Any]) -> list[tuple[str, str]]:
    """Return why pending effects wait, one row for each activity that has failed and is tried again."""
    return [
        (
            "tried again",
            f"{one['activity']}, attempt {one['attempt']} "
            f"{'at ' + local(one['next_try']) if one['next_try'] else 'is under way'}: {one['reason']}",
        )
        for one in view["pending_activities"]
    ]


def _clocks(screen: Console, view: dict[str, Any]) -> None:
    """Print both clocks of both metrics (C1); * marks the effective one. A wide page has the policy's cell of each as
    well."""
    wide = screen.width >= WIDE
    table = Table(box=None, pad_edge=False, show_edge=False)
    for heading in (f"Clocks ({zone()})", "", "state", "due", "met", *(("missed", "by") if wide else ())):
        table.add_column(Text(heading, style="bold"), no_wrap=heading != "by")
    for metric, sides in view["clocks"].items():
        for side, clock in sides.items():
            table.add_row(*_clock(metric, side, clock, wide=wide))
            if not wide and clock and clock["missed"]:
                table.add_row(Text(""), Text(""), Text("detected"), Text(local(clock["missed"]["detected"])),
                              Text(clock["missed"]["status"]))  # fmt: skip
    screen.print()
    screen.print(table)


def _clock(metric: str, side: str, clock: dict[str, Any] | None, *, wide: bool) -> Sequence[Text]:
    name = metric.replace("_", " ")
    if clock is None:
        return [Text(word) for word in (name, side, "none")]
    missed = clock["missed"]
    breach = f"due {local(missed['due'])}, detected {local(missed['detected'])}, {missed['status']}" if missed else "-"
    cells = [
        Text(f"{'* ' if clock['effective'] else ''}{name}"),
        Text(side),
        Text(clock["state"], style=_STATES.get(clock["state"], "")),
        Text(local(clock["due"])),
        Text(local(clock["met_at"])),
    ]
    return [*cells, Text(breach), Text(clock["cell"])] if wide else cells


def _needs(screen: Console, view: dict[str, Any]) -> None:
    """Print what is missing for the next tier, what is owed, and what comes next."""
    rows: list[tuple[str, str]] = []
    if limit := view["tier_1_limit"]:
        rows.append(("Tier 1 limit", _limit(limit)))
    if missing := view["missing"]:
        names = ", ".join(missing["names"]) or "nothing"
        rows.append((f"missing for {missing['to']}", names))
    for issue in view["similar"]:
        of = f"{issue['tickets']} ticket{'s' if issue['tickets'] != 1 else ''}"
        rows.append(("may be", f"{issue['key']}, of {of}: `escalate --issue {issue['key']}` links it ({issue['url']})"))
    if (owed := view["owed"]) and not owed["paid"]:
        rows.append(("owed", f"{', '.join(owed['names'])}; due {local(owed['due'])}"))
    if after := view["next"]:
        rows.append(("next", f"{after['what']}, at {local(after['at'])}"))
    rows.append(("allowed now", ", ".join(view["allowed_commands"]) or "nothing"))
    screen.print()
    screen.print(rows_of(rows))


def _limit(limit: dict[str, Any]) -> str:
    when = f"due {local(limit['due'])}" if limit["due"] else "stopped"
    if limit["reached"]:
        when = f"reached at {local(limit['reached'])}"
    return f"{when}, stay {limit['stay']} since {local(limit['since'])}"


def _entry(screen: Console, entry: dict[str, Any]) -> None:
    line = Text(f"{entry['seq']:>4}  {local(entry['at'])}  ")
    line.append(safe(entry["summary"]), style="bold red" if entry["type"] == "lapsed" else "bold")
    line.append(f"  {safe(entry['by'])} ({entry['role']}){_instants(entry)}", style="dim")
    screen.print(line, soft_wrap=True)
    for name, text in entry["texts"].items():
        _text(screen, name, text)
    for name in entry["erased"]:
        screen.print(Text(f"      {name}: erased", style="dim"))


def _instants(entry: dict[str, Any]) -> str:
    """Due, occurred and detected, where they are not the instant at which it counts."""
    named = ("due", "occurred", "detected")
    differing = [
        f"{name} {local(entry[name])}" for name in named if entry[name] and local(entry[name]) != local(entry["at"])
    ]
    return f", {', '.join(differing)}" if differing else ""


def _text(screen: Console, name: str, text: str) -> None:
    cut = safe(text)
    more = f" [{len(cut) - LONGEST_TEXT} more characters: --json]" if len(cut) > LONGEST_TEXT else ""
    rows = (cut[:LONGEST_TEXT] + more).strip().split("\n")
    screen.print(Text(f"      {name}: {rows[0]}"), soft_wrap=True)
    for row in rows[1:]:
        screen.print(Text(f"        {row}"), soft_wrap=True)


def draw_queue(lines: Sequence[dict[str, Any]], screen: Console | None = None, now: datetime | None = None) -> None:
    """Print tickets as a table, in the order in which they are given. `now`: for how far away a deadline is.

    What must be copied (the id) and what must be seen (priority, deadline) is never cut: a narrow terminal shows fewer
    columns, and the subject, which is last, takes what is left.
    """
    screen = screen or console(uncut=True)
    shown = [one for one in _COLUMNS if screen.width >= one.from_width]
    rows = []
    for line in lines:
        hurry = _HURRY.get(line["sla_state"], "")
        cells = [Text(one_line(safe(str(one.cell(line, now))), LONGEST_TEXT)) for one in shown]
        for cell, one in zip(cells, shown, strict=True):
            cell.stylize("bold red" if not one.heading and line["priority"] == "P0" else hurry)
        rows.append(cells)
    draw_table(screen, [Column(one.heading.replace("ZONE", zone()), one.most) for one in shown], rows)


class _Column(NamedTuple):
    """One column of a list of tickets."""

    heading: str
    cell: Callable[[dict[str, Any], datetime | None], object]
    from_width: int = 0
    """Columns that the terminal must have for it."""
    most: int | None = None
    """Characters beyond which it is cut."""


def _when(line: dict[str, Any], now: datetime | None) -> str:
    """Return how far the deadline is: of a ticket whose clocks stand still, what it is."""
    if line["status"] in ("resolved", "closed"):
        return str(line["status"])
    return due(line["sla_deadline"], now)


_COLUMNS = (
    _Column("ticket", lambda line, _: line["id"]),
    _Column("", lambda line, _: line["priority"]),
    _Column("due", _when),
    _Column("at (ZONE)", lambda line, _: short(line["sla_deadline"]), from_width=110),
    _Column("tier", lambda line, _: line["tier"]),
    _Column("status", lambda line, _: line["status"], from_width=130),
    _Column("SLA", lambda line, _: line["sla_state"], from_width=140),
    _Column("waits on", lambda line, _: line["waits_on"]),
    _Column("assignee", lambda line, _: line["assignee"] or "-", most=10),
    _Column("account", lambda line, _: line["account"], from_width=96, most=16),
    _Column("plan", lambda line, _: line["plan"], from_width=150),
    _Column("subject", lambda line, _: line.get("subject") or "-"),
)
"""In the order in which they stand."""
_HURRY = {"breached": "red", "warned": "yellow"}


def rows_of(rows: Iterable[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for name, value in rows:
        if value:
            grid.add_row(Text(name, style="bold"), Text(safe(value)))
    return grid
