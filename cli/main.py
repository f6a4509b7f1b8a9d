"""The `tierline` command: what there is of it, and how every process of it ends.

Nothing of a command is imported before it is asked for: see `cli.groups`.
"""

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from cli.groups import LazyGroup, Part
from cli.output import MEANING, Code, example, expected, print_error, print_failure, readable_streams
from workers.exit import finish

PARTS = {
    # Everything on this machine.
    "up": Part(
        "cli.up", "up", "Start Tierline on this machine, with all that it needs, and keep its data.",
        example("tierline up"),
    ),
    "demo": Part(
        "cli.up", "demo", "Start everything afresh and work sample tickets through every path, at demo speed.",
        example("tierline demo --exit --json"),
    ),
    # Tickets and incidents.
    "ticket": Part("cli.ticket", "app", "One ticket: open it, look at it, and everything that it takes."),
    "queue": Part(
        "cli.queue", "queue", "Show the queue: what matters next.",
        example("tierline queue --tier T1 --next", "tierline queue --mine"),
    ),
    "incident": Part("cli.incident", "app", "Incidents: who has it, what comes next, and everything that one takes."),
    "account": Part(
        "cli.account", "app", "Accounts: plan, revenue, health and support hours of each customer, by id."
    ),
    "credit": Part(
        "cli.credit", "app",
        "Credits: what is owed for breaches of the contract, who approves it, and what open clocks would cost.",
    ),
    "refund": Part(
        "cli.refund", "app",
        "Refunds of billing tickets: those that wait for approval, and what billing has of those that were approved.",
    ),
    "template": Part(
        "cli.template", "app", "Reply templates: what each says, how its replies did; write, change and retire them."
    ),
    "kb": Part("cli.kb", "app", "The knowledge base: import a folder of Markdown files, check it, list and search it."),
    # What they are promised.
    "policy": Part("cli.policy", "app", "The policy: plans, priorities, support hours, limits, gates."),
    "sla": Part("cli.sla", "app", "Support hours: when is it due, why, and what comes if nobody acts."),
    # Who solves them.
    "jira": Part(
        "cli.jira", "app", "Engineering's tracker: whether it takes our issues, and what they look like."
    ),
    # What they would have been.
    "backtest": Part(
        "cli.backtest", "backtest",
        "Run recorded tickets through a policy, and count what would have become of them; or through two, compared.",
        example(
            "tierline backtest journal --since 2026-09-01 --against tried.toml",
            "tierline backtest incidents.jsonl.gz --policy policy.toml --against tried.toml",
        ),
    ),
    "report": Part("cli.report", "app", "Reports: what a week of support came to, and two times compared."),
    "lab": Part("cli.lab", "app", "The lab: what another team would have changed."),
    # The processes, one by one.
    "worker": Part(
        "cli.processes", "worker", "Run tickets: workflows and activities, until told to stop (SIGTERM, Ctrl-C).",
        example("DATABASE_URL=postgresql://... TEMPORAL_ADDRESS=... tierline worker"),
    ),
    "relay": Part(
        "cli.processes", "relay", "Send notices from the outbox, each once, and see to what others left over.",
        example("NOTICE_URL=https://... NOTICE_SECRET=whsec_... tierline relay"),
    ),
    "api": Part(
        "cli.api", "api", "Serve the HTTP API, and take in what other systems send, until told to stop.",
        example("DATABASE_URL=postgresql://... TEMPORAL_ADDRESS=... tierline api"),
    ),
    "migrate": Part(
        "cli.processes", "migrate", "Bring the database to this program's schema.",
        example("DATABASE_URL=postgresql://... tierline migrate"),
    ),
    "wanted": Part(
        "cli.demand", "show_wanted", "Rank what engineering has open by how many accounts wait for it, or by their "
        "yearly revenue.",
        example("tierline wanted", "tierline wanted --kind bug --by arr --json"),
    ),
    "satisfaction": Part(
        "cli.satisfaction", "show_satisfaction", "Show how satisfied customers were: tickets closed, answers, how many "
        "4 or 5, how many 1 or 2, the average.",
        example("tierline satisfaction --by team", "tierline satisfaction --by template --days 90 --json"),
    ),
    "token": Part(
        "cli.token", "app", "Tokens of the API, and sign-in links of the desk: give one out, list them, revoke one."
    ),
    "session": Part("cli.session", "app", "Sessions of the desk: list who is signed in, end a session."),
    "deliveries": Part(
        "cli.deliveries", "app", "Deliveries of other systems that were taken and came to nothing: set aside since our "
        "own code fails at them, or refused when they were acted on.",
    ),
    "health": Part(
        "cli.health", "show_health", "Say whether everything that Tierline needs does its part.",
        example("tierline health", "tierline health worker"),
    ),
    "mcp": Part(
        "cli.mcp", "serve_assistants",
        "Offer an AI assistant Tierline's tools by the Model Context Protocol: read, open and add to a ticket.",
        example("TIERLINE_API_URL=https://... TIERLINE_TOKEN=... tierline mcp", "tierline mcp --http --port 8090"),
    ),
    "ops": Part("cli.ops_repair", "app", "For ops: find what is stuck, breached or at risk, and repair it."),
    "codec": Part("cli.codec", "app", "Payload encryption: what Temporal stores of tickets, it cannot read."),
    "erase": Part(
        "cli.erase", "erase_person", "Erase a person: texts, deliveries and the customer's ids go, events and clocks "
        "stay.",
        example("tierline erase --requester u-1877 --reason 'Request 17' --yes"),
    ),
    "version": Part(
        "cli.version", "show_version", "Say which version this is, and which version of the time-zone database it "
        "brings (C16).",
        example("tierline version"),
    ),
    "standins": Part(
        "cli.processes", "standins",
        "Run local stand-ins for Jira, the pager, whatever takes notices, and Zendesk, until told to stop.",
        example(
            "tierline standins --jira-port 8090 --state-dir .tierline/standins",
            "tierline standins --zendesk-port 8093 --webhooks http://127.0.0.1:8080/webhooks",
        ),
    ),
}  # fmt: skip


class Root(LazyGroup):
    """All of it."""

    parts = PARTS
    implied = "ticket"


_CODES = "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in MEANING.items())

app = typer.Typer(
    cls=Root,
    no_args_is_help=True,
    rich_markup_mode=None,  # help is plain text: it is copied, and searched with grep
    help="Support escalation as durable workflows: tickets, SLA clocks, tiers, gates.\n\n"
    "A command of a ticket needs no `ticket` before it: `tierline take 4k7m-3q9x-tbd2`.",
    epilog=f"{example('tierline demo', 'tierline queue --next')}\n\n\b\nExit codes:\n{_CODES}",
)


def _print_version(asked: bool) -> None:
    if asked:
        from cli.version import show_version

        show_version()
        raise typer.Exit


_Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which.")]


@app.callback()
def _tierline(_version: _Version = False) -> None:
    """Take the options that stand before a command."""


def run(arguments: Sequence[str]) -> int:
    """Carry out one command and return its exit code. Whatever can be expected to go wrong is reported in one line."""
    readable_streams()
    try:
        return app(list(arguments), prog_name="tierline", standalone_mode=False) or Code.DONE
    except typer.TyperException as error:
        return _print_usage(error)
    except (typer.Abort, KeyboardInterrupt):
        return Code.INTERRUPTED
    except SystemExit:  # whoever read our output has gone: `tierline queue | head`; or a shell has its completion
        return Code.DONE
    except Exception as error:
        if expected(error):
            return print_failure(error, as_json=False)
        traceback.print_exc()
        return Code.BUG


def _print_usage(error: typer.TyperException) -> int:
    message = error.format_message()
    if "\n" in message:  # a group without a command: its help
        typer.echo(message, err=True)
    else:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "tierline"
        text = message.replace("Value error, ", "").rstrip()
        print_error(f"{text}{'' if text.endswith(('.', '?')) else '.'} See `{command} --help`.")
    return Code.USAGE


def main() -> NoReturn:
    """Return the entry point. The process ends by `workers.exit.finish`, for a reason that is said there."""
    finish(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
