"""A ticket and a queue on paper: what a person sees of the objects that programs get."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cli.output import console, safe
from domain.core.text import one_line

LONGEST_TEXT = 2000
"""Characters of one text on the timeline; `--json` has all of it."""
_STATES = {"missed": "bold red", "running": "yellow", "met": "green"}


def draw(view: dict[str, Any]) -> None:
    """Print what `cli.show.view` made of a ticket."""
    paper = console()
    _heading(paper, view)
    _fields(paper, view)
    _clocks(paper, view)
    _needs(paper, view)
    paper.print()
    paper.print(Text("Timeline", style="bold"), Text("(UTC)", style="dim"))
    for entry in view["timeline"]:
        _entry(paper, entry)


def _heading(paper: Console, view: dict[str, Any]) -> None:
    about = f"{view['priority']} {view['category']} · {view['status']} in {view['tier']}"
    paper.print(Text(f"{view['id']}  {about}", style="bold"))
    if view["subject"]:
        paper.print(Text(one_line(safe(view["subject"]), LONGEST_TEXT)))
    if view["note"]:
        paper.print(Text(safe(view["note"]), style="yellow"))
    paper.print()


def _fields(paper: Console, view: dict[str, Any]) -> None:
    account, waits, sla = view["account"], view["waits"], view["sla"]
    arr = account["arr"] or "unknown"
    assumed = " ASSUMED: nobody has told of the account" if view["account_unknown"] else ""
    outside = f"{view['channel']} IS OUTSIDE THE PLAN" if view["channel_outside_plan"] else ""
    rows: list[tuple[str, str]] = [
        ("waits on", f"{waits['on']} since {utc(waits['since'])}"),
        ("assignee", view["assignee"] or "nobody"),
        ("team", _route(view["route"])),
        ("SLA", f"{sla['state']}, deadline {utc(sla['deadline'])}, policy {sla['policy']}"),
        ("account", f"{account['id']}, {account['plan']}{assumed}, health {account['health']}, ARR {arr}"),
        ("came by", f"{view['channel']} at {utc(view['opened_at'])}, from {view['source']} as {view['external_id']}"),
        ("", outside),
        ("about", ", ".join(filter(None, [view["product_area"], view["language"], *view["tags"]]))),
        ("classified", _reasons(view["reasons"])),
        *_links(view["links"]),
        ("moves", f"handed back {view['bounces']} times, reopened {view['reopenings']} times"),
    ]
    rows += [("outstanding", _outstanding(effect)) for effect in view["outstanding"]]
    rows += waiting(view)
    if resolution := view["resolution"]:
        csat = f", rated {resolution['csat']} of 5" if resolution["csat"] else ""
        rows.append(("resolved", f"{resolution['type']} at {utc(resolution['resolved_at'])}{csat}"))
    paper.print(rows_of(rows))


def _route(route: dict[str, Any] | None) -> str:
    """G10: whose it is, and why."""
    if route is None:
        return ""
    agent = f", for {route['agent']}" if route["agent"] else ""
    return f"{route['team']}{agent}, by {', '.join(route['why'])}"


def _reasons(reasons: Iterable[dict[str, Any]]) -> str:
    """Why the fields that the form did not say are as they are."""
    told = [
        f"{one['field'].replace('_', ' ')} by {'rule ' + one['rule'] if one['rule'] else one['by']}"
        + (f" ({one['where']})" if one["where"] else "")
        for one in reasons
    ]
    return "; ".join(told)


def _links(links: dict[str, Any]) -> Iterable[tuple[str, str]]:
    if jira := links["jira"]:
        yield "Jira", f"{jira['key']} is {jira['status'] or jira['category']}: {jira['url']}"
        yield from _engineering(jira)
    if incident := links["incident"]:
        yield "incident", f"incident-{incident['number']} is {incident['state']}"
    if links["parent"]:
        yield "parent", links["parent"]


def _engineering(jira: dict[str, Any]) -> Iterable[tuple[str, str]]:
    """What engineering says of the issue, where it says anything."""
    end = [jira["resolution"], f"in {', '.join(jira['fix_versions'])}" if jira["fix_versions"] else None]
    duplicate = jira["duplicate_of"] and f"a duplicate of {jira['duplicate_of']}"
    for label, words in (
        ("worked on by", jira["assignee_name"] or jira["assignee"]),
        ("ended as", ", ".join(word for word in (*end, duplicate) if word)),
        ("engineering", jira["said"][:LONGEST_TEXT]),
        ("proposed", jira["proposed"]),
    ):
        if words:
            yield label, words


def _outstanding(effect: dict[str, Any]) -> str:
    refused = ", REFUSED: correct what it names, then retry" if effect["failed"] else ""
    return f"{effect['kind']} since {utc(effect['since'])}{refused}"


def waiting(view: dict[str, Any]) -> list[tuple[str, str]]:
    """Why pending effects wait, one row for each activity that has failed and is tried again."""
    return [
        (
            "tried again",
            f"{one['activity']}, attempt {one['attempt']} "
            f"{'at ' + utc(one['next_try']) if one['next_try'] else 'is under way'}: {one['reason']}",
        )
        for one in view["pending_activities"]
    ]


def _clocks(paper: Console, view: dict[str, Any]) -> None:
    """C1: both clocks of both metrics, each with the cell that it came from; * marks the effective one."""
    table = Table(box=None, pad_edge=False, show_edge=False)
    for heading in ("Clocks (UTC)", "", "state", "due", "met", "missed", "by"):
        table.add_column(Text(heading, style="bold"), no_wrap=heading != "by")
    for metric, sides in view["clocks"].items():
        for side, clock in sides.items():
            table.add_row(*_clock(metric, side, clock))
    paper.print()
    paper.print(table)


def _clock(metric: str, side: str, clock: dict[str, Any] | None) -> Sequence[Text]:
    name = metric.replace("_", " ")
    if clock is None:
        return [Text(word) for word in (name, side, "none")]
    missed = clock["missed"]
    told = f"due {utc(missed['due'])}, detected {utc(missed['detected'])}, {missed['standing']}" if missed else "-"
    return [
        Text(f"{'* ' if clock['effective'] else ''}{name}"),
        Text(side),
        Text(clock["state"], style=_STATES.get(clock["state"], "")),
        Text(utc(clock["due"])),
        Text(utc(clock["met_at"])),
        Text(told),
        Text(clock["cell"]),
    ]


def _needs(paper: Console, view: dict[str, Any]) -> None:
    """What is missing for the next tier, what is owed, and what comes next."""
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
        rows.append(("owed", f"{', '.join(owed['names'])}; due {utc(owed['due'])}"))
    if after := view["next"]:
        rows.append(("next", f"{after['what']}, at {utc(after['at'])}"))
    rows.append(("would fit", ", ".join(view["would_fit"]) or "nothing"))
    paper.print()
    paper.print(rows_of(rows))


def _limit(limit: dict[str, Any]) -> str:
    when = f"due {utc(limit['due'])}" if limit["due"] else "stopped"
    if limit["reached"]:
        when = f"reached at {utc(limit['reached'])}"
    return f"{when}, stay {limit['stay']} since {utc(limit['since'])}"


def _entry(paper: Console, entry: dict[str, Any]) -> None:
    line = Text(f"{entry['seq']:>4}  {utc(entry['at'])}  ")
    line.append(safe(entry["told"]), style="bold red" if entry["type"] == "lapsed" else "bold")
    line.append(f"  {safe(entry['by'])} ({entry['role']}){_instants(entry)}", style="dim")
    paper.print(line, soft_wrap=True)
    for name, text in entry["texts"].items():
        _text(paper, name, text)
    for name in entry["erased"]:
        paper.print(Text(f"      {name}: erased", style="dim"))


def _instants(entry: dict[str, Any]) -> str:
    """Due, occurred and detected, where they are not the instant at which it counts."""
    named = ("due", "occurred", "detected")
    differing = [f"{name} {utc(entry[name])}" for name in named if entry[name] and utc(entry[name]) != utc(entry["at"])]
    return f", {', '.join(differing)}" if differing else ""


def _text(paper: Console, name: str, text: str) -> None:
    cut = safe(text)
    more = f" [{len(cut) - LONGEST_TEXT} more characters: --json]" if len(cut) > LONGEST_TEXT else ""
    rows = (cut[:LONGEST_TEXT] + more).strip().split("\n")
    paper.print(Text(f"      {name}: {rows[0]}"), soft_wrap=True)
    for row in rows[1:]:
        paper.print(Text(f"        {row}"), soft_wrap=True)


def draw_queue(lines: Sequence[dict[str, Any]]) -> None:
    """Print tickets as a table, in the order in which they are given."""
    table = Table(box=None, pad_edge=False, show_edge=False)
    for heading in ("ticket", "", "plan", "tier", "status", "SLA", "deadline (UTC)", "waits on", "assignee", "account"):
        table.add_column(Text(heading, style="bold"), no_wrap=heading not in ("assignee", "account"))
    for line in lines:
        breached = line["sla_state"] == "breached"
        words = [
            line["id"], line["priority"], line["plan"], line["tier"], line["status"], line["sla_state"],
            utc(line["sla_deadline"]), line["waits_on"], line["assignee"] or "-", line["account"],
        ]  # fmt: skip
        table.add_row(*(Text(safe(word), style="red" if breached else "") for word in words))
    console().print(table)


def rows_of(rows: Iterable[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for name, value in rows:
        if value:
            grid.add_row(Text(name, style="bold"), Text(safe(value)))
    return grid


def utc(iso: str | None) -> str:
    """An instant of the view, to the second."""
    return iso[:19].replace("T", " ") if iso else "-"
