"""`tierline policy`: what the policy file promises, and what is wrong with it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cli.incident_forecast import FORMATS
from cli.output import Code, console, example, exit_on_failure, print_json, print_line, safe
from cli.times import local
from domain.core.enums import PROMISED, Metric, Plan, Priority
from domain.policy.check import Finding, Line, Promise, effective_table, findings, opening_hours
from domain.policy.choices import choices
from domain.policy.policy import Policy
from services.policy_file.load import DEFAULT, PolicyError, load_policy
from services.policy_file.places import place_findings
from store import queries
from workers.bootstrap import database
from workers.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The policy: plans, priorities, support hours, limits, gates.")


@app.callback()
def _group() -> None:
    """Keep `check` a command of its own: typer folds away a group of one."""


_HELP = """Validate a policy file, show what it promises, and warn of contradictions.

Prints the effective table per plan and priority (in the plan's support
hours), every choice in how the tables are read with its rule number, and
findings: contradictions, exposures, what cannot be kept, notes. Findings do
not make a policy invalid.

Without FILE, it is the policy that runs: of TIERLINE_POLICY, or of the
`tierline up` that runs here; if neither names one, the shipped one. The first
line says which file was read.

Exit code 0 if the policy is valid, 5 if it is not; then each line on stderr
names file, line, key and reason.

Example: tierline policy check policy.toml
"""


@app.command(help=_HELP)
def check(
    file: Annotated[Path | None, typer.Argument(help="A policy file; nothing: the one that runs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Exit code 0 if the policy is valid, else 5."""
    with exit_on_failure(as_json):
        read = file or load_settings().policy
    try:
        policy = load_policy(read)
    except PolicyError as error:
        _complain(error, as_json)
        raise typer.Exit(Code.CONFIGURATION) from None
    named = str(read or DEFAULT.resolve())
    if as_json:
        typer.echo(json.dumps({"file": named} | report(policy)))
    else:
        print_line(f"It was read from {named}{'' if read else ', which is the shipped one'}.")
        show(policy, Console())


@app.command(epilog=example("tierline policy corrections --days 30"))
def corrections(
    days: Annotated[int, typer.Option(min=1, max=3660, help="How far back.")] = 90,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show how often each classification rule had its say, and how often a person said otherwise."""
    with exit_on_failure(as_json):
        db = database(load_settings(), "policy")
        try:
            with db.session() as session:
                found = queries.corrections(session, since=datetime.now(UTC) - timedelta(days=days))
        finally:
            db.dispose()
        if as_json:
            return print_json({"rules": [one.model_dump() for one in found]})
        if not found:
            return print_line(f"no rule had its say in {days} days")
        table = Table(box=None, pad_edge=False)
        for column in ("rule", "tickets", "corrected", "share"):
            table.add_column(column, justify="left" if column == "rule" else "right")
        for one in found:
            share = f"{one.corrected / one.used:.0%}" if one.used else "-"
            table.add_row(escape(one.rule), str(one.used), str(one.corrected), share)
        console().print(table)


@app.command(epilog=example("tierline policy notices", "tierline policy notices --priority P2 --plan premium --days 3"))
def notices(
    priority: Annotated[
        Priority, typer.Option(case_sensitive=False, help="Of the ticket that is supposed to come in.")
    ] = Priority.P0,
    plan: Annotated[Plan, typer.Option(case_sensitive=False, help="Of its account.")] = Plan.ENTERPRISE,
    area: Annotated[str, typer.Option(help="The part of the product.", metavar="TEXT")] = "",
    at: Annotated[
        datetime | None,
        typer.Option(formats=FORMATS, help="When it comes in, in the terminal's zone if it names none. [default: now]"),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=30, help="How far to look ahead.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Show who would be notified of what, when and through what, if a ticket came in and nobody acted.

    Nothing is opened and nothing is sent. It also says what nothing would carry: the relay does not start then.
    """
    from services.notice_preview import Case, preview
    from workers.bootstrap import found_channels, load_policy_at_speed
    from workers.quiet_hours import digests, quiet_hours

    with exit_on_failure(as_json):
        settings = load_settings()
        policy, begins = load_policy_at_speed(settings), (at or datetime.now()).astimezone(UTC)
        case = Case(priority, plan, area, begins, timedelta(days=days))
        found = preview(policy, case, quiet_hours(policy), digests(policy), found_channels(settings).way)
        found |= {"digest": _digest(policy, begins)}
        print_json(found) if as_json else _draw_notices(found)


def _digest(policy: Policy, at: datetime) -> dict[str, Any] | None:
    """Return what the policy gathers for whom, and when the digest goes next; None where there is none (F5)."""
    from services.reading.instants import iso
    from workers.quiet_hours import digests

    row = policy.digest
    if row is None:
        return None
    following = digests(policy)(row.notices[0], row.audiences[0], at)
    return {"notices": row.notices, "audiences": row.audiences, "next": iso(following)}


def _draw_notices(found: dict[str, Any]) -> None:
    where = f" in {found['area']}" if found["area"] else ""
    print_line(
        safe(f"a {found['priority']}{where} of a {found['plan']} account at {local(found['at'])}, if nobody acts:")
    )
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("when", "who", "through", "what"):
        table.add_column(column)
    for one in found["notices"]:
        carried = one["carried_by"]
        way = one["channel"] if carried == one["channel"] else f"{one['channel']} by {carried or 'NOTHING'}"
        waits = next((f", {word} {local(one[key])}" for key, word in _WAITS.items() if one[key]), "")
        when = f"{local(one['at'])}{waits}"
        who = f"{one['audience']} ({one['recipient']})" if one["recipient"] else one["audience"]
        table.add_row(*map(safe, (when, who, way, f"{one['notice']}: {one['title']}")))
    console().print(table)
    if digest := found["digest"]:
        gathered = f"{', '.join(digest['notices'])} to {', '.join(digest['audiences'])}"
        print_line(safe(f"The next digest goes at {local(digest['next'])}. It gathers {gathered}."))
    if lacking := sorted(
        {f"{one['channel']} to {one['audience']}" for one in found["notices"] if not one["carried_by"]}
    ):
        print_line(safe(f"Nothing carries {', '.join(lacking)}: set NOTICE_URL, NOTICE_CHAT_ROOMS or SMTP_HOST."))


_WAITS = {"digest_at": "in the digest of", "held_until": "held until"}
"""What a notice waits for, by its key."""


def report(policy: Policy) -> dict[str, Any]:
    """Return everything that the check found, for machines."""
    return {
        "ok": True,
        "version": policy.version,
        "table": [line.model_dump(mode="json") for line in effective_table(policy)],
        "choices": [choice.model_dump(mode="json") for choice in choices(policy)],
        "calendars": [one.model_dump(mode="json") for one in opening_hours(policy)],
        "findings": [finding.model_dump(mode="json") for finding in _findings(policy)],
    }


def _findings(policy: Policy) -> list[Finding]:
    """Return the findings of the policy itself, and those that need the databases of zones and holidays (C16)."""
    return [*findings(policy), *place_findings(policy)]


def show(policy: Policy, console: Console) -> None:
    """Print everything that the check found, for people."""
    found = _findings(policy)
    lines = {(line.plan, line.priority, line.metric): line for line in effective_table(policy)}
    for plan in Plan:
        console.print(_plan_table(policy, plan, lines))
    console.print("\n[bold]Support hours[/]")
    for one in opening_hours(policy):
        console.print(f"  {escape(f'{one.calendar}: {one.zone}, holidays {one.holidays}; {one.week}')}", soft_wrap=True)
        for key, windows in one.dates.items():
            console.print(f"    {escape(f'{key}: {windows}')}", soft_wrap=True)
    console.print("\n[bold]How the tables are read[/]")
    for choice in choices(policy):
        console.print(f"  [bold]{choice.rule:<4}[/] {escape(choice.text)}", soft_wrap=True)
    console.print("\n[bold]Findings[/]")
    for finding in found:
        console.print(_finding(finding), soft_wrap=True)
    if not found:
        console.print("  none")
    console.print(f"\nPolicy {escape(policy.version)} is valid; findings: {len(found)}.")


def _plan_table(policy: Policy, plan: Plan, lines: dict[tuple[Plan, Priority, Metric], Line]) -> Table:
    title = f"{plan.capitalize()}: contract and target, in {policy.plans[plan].calendar} hours"
    table = Table(title=escape(title), title_justify="left", title_style="bold")
    for heading in ("", "first response", "target", "resolution", "target"):
        table.add_column(heading)
    for priority in Priority:
        cells = []
        for metric in PROMISED:
            line = lines[plan, priority, metric]
            cells += [_cell(line.contract, priority), _cell(line.target, priority)]
        table.add_row(priority, *(escape(cell) for cell in cells))
    return table


def _cell(promise: Promise | None, priority: Priority) -> str:
    """Return what is promised, and why if that is not the priority's or the plan's own plain cell."""
    if promise is None:
        return "none"
    _, row, name = promise.source.split(".")
    if not promise.binding:
        return f"{promise.text}, best effort"
    if name == "critical_response":
        return f"{promise.text}, critical"
    if promise.source.startswith("priorities.") and row != priority:
        return f"{promise.text}, by {row} (C9)"
    return promise.text


_COLOURS = {"contradiction": "red", "exposure": "yellow", "unattainable": "red", "note": "dim"}


def _finding(finding: Finding) -> str:
    plans = f" {', '.join(finding.plans)}:" if finding.plans else ""
    return f"  [{_COLOURS[finding.kind]}]{finding.kind:<13}[/] {finding.rule}{plans} {escape(finding.text)}"


def _complain(error: PolicyError, as_json: bool) -> None:
    if as_json:
        errors = [
            {"file": str(error.file), "line": fault.line, "key": fault.key, "reason": fault.reason}
            for fault in error.faults
        ]
        typer.echo(json.dumps({"ok": False, "errors": errors}))
        return
    for fault in error.faults:
        typer.echo(f"{error.file}:{fault.line}: {fault}", err=True)
