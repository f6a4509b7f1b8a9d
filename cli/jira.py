"""`tierline jira`: see that engineering's tracker takes our issues, and what they look like, before the first one."""

import json
from contextlib import closing
from typing import Annotated

import typer

from activities.tracker.issues import draft_of, report_refs
from cli.output import Code, console, example, exit_on_failure, print_error, print_json, print_line, safe
from cli.ticket import ticket_of
from domain.aggregate.effect import effect_key
from domain.core.refusal import Refused
from domain.documents.document import plain
from domain.ticket.rules.escalation import issue_for
from domain.tracker.bug_report import issue_report
from integrations.calls import Failure
from integrations.jira.body import issue_body
from integrations.jira.client import JiraClient
from integrations.jira.config import JiraConfig
from integrations.tracker.port import IssueDraft
from services.reading.similar import Candidates, candidates
from store import journal
from workers.bootstrap import database, jira_config, load_policy_at_speed, ticket_url
from workers.settings import Settings, load_settings
from workflows.ports import TicketIssue

app = typer.Typer(
    no_args_is_help=True,
    help="Engineering's tracker: whether it takes our issues, and what they look like.\n\n"
    "Where it is comes from the environment (JIRA_URL, JIRA_EMAIL, JIRA_API_TOKEN, JIRA_PROJECT), what issues look "
    "like from the table [jira] of the policy. docs/connect-your-jira.md takes you there step by step.",
)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]
Ticket = Annotated[str, typer.Argument(help="The ticket's id, as people say it.", show_default=False)]


@app.command(epilog=example("tierline jira check && tierline worker"))
def check(as_json: AsJson = False) -> None:
    """Compare the configuration with what the server takes: permissions, issue types, fields, priorities, sprint.

    Names everything that is missing, one line each, and ends with code 5 if anything is. Creates nothing.
    """
    with exit_on_failure(as_json):
        config = _config(load_settings())
        account, missing, notes = _ask(config)
        if as_json:
            print_json({"project": config.project, "account": account, "missing": missing, "notes": notes})
        for sentence in [] if as_json else [*missing, *(f"note: {note}" for note in notes)]:
            print_error(sentence)
        if missing:
            raise typer.Exit(Code.CONFIGURATION)
        if not as_json:
            print_line(f"{config.url}: project {config.project} takes our issues")


@app.command(
    "dry-run", epilog=example("tierline jira dry-run 4k7m-3q9x-tbd2", "tierline jira dry-run 4k7m-3q9x-tbd2 --json")
)
def dry_run(ticket: Ticket, as_json: AsJson = False) -> None:
    """Show the issue that this ticket would become now. Sends nothing, and needs no Jira.

    With --json, the exact body of the request.
    """
    with exit_on_failure(as_json):
        settings = load_settings()
        config = _config(settings)
        draft = _draft(settings, config, ticket_of(ticket))
        body = issue_body(config, draft)
        if as_json:
            return print_json(body)
        fields = {name: value for name, value in body["fields"].items() if name not in ("summary", "description")}
        page = console()
        page.print(safe(draft.summary), soft_wrap=True)
        for name, value in fields.items():
            page.print(safe(f"  {name}: {_value_text(name, value, draft)}"), soft_wrap=True)
        page.print()
        page.print(safe(plain(draft.description)), soft_wrap=True)


@app.command(
    epilog=example("tierline jira similar 4k7m-3q9x-tbd2", "tierline ticket escalate 4k7m-3q9x-tbd2 --issue SUP-12")
)
def similar(ticket: Ticket, as_json: AsJson = False) -> None:
    """List open issues that may have this ticket's problem already: same product area, same error.

    Link to one with `tierline ticket escalate TICKET --issue KEY`: no other issue is made, and engineering reads how
    many tickets and accounts have the problem.
    """
    with exit_on_failure(as_json):
        settings = load_settings()
        db = database(settings, "cli")
        try:
            client = JiraClient(_config(settings)) if settings.jira_url else None
            found = candidates(db, client, ticket_of(ticket))
        finally:
            db.dispose()
        if as_json:
            return print_json(found.model_dump(mode="json"))
        _print_candidates(found)


def _print_candidates(found: Candidates) -> None:
    if found.note:
        print_error(f"{found.note}: these are the issues that Tierline knows of")
    for issue in found.issues:
        counted = f"{issue.tickets} linked" if issue.tickets else "not linked yet"
        print_line(" · ".join(part for part in (issue.key, issue.status, counted, issue.summary, issue.url) if part))
    if not found.issues:
        print_line(
            "no open issue has this problem, as far as can be told"
            if found.fingerprint
            else "the ticket says too little"
        )


def what_jira_lacks(settings: Settings) -> list[str]:
    """Return what `tierline jira check` finds missing, a line each. A Jira that does not answer is a line, too."""
    return _ask(_config(settings))[1]


def _ask(config: JiraConfig) -> tuple[str, list[str], list[str]]:
    """Return our account there, what is missing, and what is worth a note."""
    try:
        with closing(JiraClient(config)) as client:
            return client.account(), client.check(), client.advice()
    except Failure as failure:
        return "", [f"{config.api}: {failure}"], []


def _config(settings: Settings) -> JiraConfig:
    return jira_config(settings, load_policy_at_speed(settings).jira)


def _draft(settings: Settings, config: JiraConfig, ticket_id: str) -> IssueDraft:
    """Return the draft that the worker would make. Raises Refused where there is no such ticket."""
    db = database(settings, "cli")
    try:
        with db.session() as session:
            ticket = journal.load(session, ticket_id)
            if ticket is None:
                raise Refused("not_found", f"there is no ticket {ticket_id}")
            texts = journal.texts(session, ticket_id, report_refs(ticket))
    finally:
        db.dispose()
    effect = issue_for(ticket)
    kind: TicketIssue = "bug" if effect == "jira_bug" else "request"
    report = issue_report(ticket, texts, kind, ticket_url(settings)(ticket_id), config.rules)
    return draft_of(effect_key(ticket_id, effect, ticket.seq + 1), kind, ticket, report)


def _value_text(name: str, value: object, draft: IssueDraft) -> str:
    if name == "environment":
        return draft.environment
    match value:
        case {"name": str(word)} | {"key": str(word)} | {"value": str(word)}:
            return word
        case [*words] if all(isinstance(word, str) for word in words):
            return ", ".join(map(str, words))
    return json.dumps(value, ensure_ascii=False)
