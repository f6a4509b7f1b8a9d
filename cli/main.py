"""The `tierline` command: every part of it is mounted here, and every process of it ends here."""

import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from typing import Annotated, NoReturn

import typer

from cli import account, codec, incident, jira, policy, sla, ticket, token
from cli.erase import erase_person
from cli.explain import explain_ticket
from cli.health import show_health
from cli.output import MEANING, Code, complain, example, expected, readable_streams, say, tell
from cli.processes import api, migrate, relay, standins, worker
from cli.queue import queue
from cli.replay import replay
from cli.up import demo, up
from workers.exit import finish

_CODES = "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in MEANING.items())

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # help is plain text: it is copied, and searched with grep
    help="Support escalation as durable workflows: tickets, SLA clocks, tiers, gates.",
    epilog=f"{example('tierline demo', 'tierline queue --next')}\n\n\b\nExit codes:\n{_CODES}",
)

# Everything on this machine.
app.command(epilog=example("tierline up"))(up)
app.command(epilog=example("tierline demo --exit --json"))(demo)
# Tickets.
app.add_typer(ticket.app, name="ticket")
app.command(epilog=example("tierline queue --tier T1 --next", "tierline queue --plan premium --json"))(queue)
app.add_typer(incident.app, name="incident")
app.add_typer(account.app, name="account")
# What they are promised.
app.add_typer(policy.app, name="policy")
sla.app.command("explain", epilog=example("tierline sla explain 4k7m-3q9x-tbd2"))(explain_ticket)
app.add_typer(sla.app, name="sla")
# Who solves them.
app.add_typer(jira.app, name="jira")
# What they would have been.
app.command(epilog=example("tierline replay incidents.jsonl.gz --tickets 20 --plan premium"))(replay)
# The processes, one by one.
app.command(epilog=example("DATABASE_URL=postgresql://... TEMPORAL_ADDRESS=... tierline worker"))(worker)
app.command(epilog=example("NOTICE_URL=https://... NOTICE_SECRET=whsec_... tierline relay"))(relay)
app.command(epilog=example("DATABASE_URL=postgresql://... TEMPORAL_ADDRESS=... tierline api"))(api)
app.command(epilog=example("DATABASE_URL=postgresql://... tierline migrate"))(migrate)
app.add_typer(token.app, name="token")
app.command("health", epilog=example("tierline health", "tierline health worker"))(show_health)
app.add_typer(codec.app, name="codec")
app.command("erase", epilog=example("tierline erase --requester u-1877 --reason 'Request 17' --yes"))(erase_person)
app.command(epilog=example("tierline standins --jira-port 8090 --state-dir .tierline/standins"))(standins)


def _print_version(asked: bool) -> None:
    if asked:
        say(f"tierline {version('tierline')}")
        raise typer.Exit


_Version = Annotated[bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which.")]


@app.callback()
def _tierline(_version: _Version = False) -> None:
    """Takes the options that stand before a command."""


def run(arguments: Sequence[str]) -> int:
    """Carry out one command and return its exit code. Whatever can be expected to go wrong is told in one line."""
    readable_streams()
    try:
        return app(list(arguments), prog_name="tierline", standalone_mode=False) or Code.DONE
    except typer.TyperException as error:
        return _tell_usage(error)
    except (typer.Abort, KeyboardInterrupt):
        return Code.INTERRUPTED
    except SystemExit:  # whoever read our output has gone: `tierline queue | head`
        return Code.DONE
    except Exception as error:
        if expected(error):
            return tell(error, as_json=False)
        traceback.print_exc()
        return Code.BUG


def _tell_usage(error: typer.TyperException) -> int:
    message = error.format_message()
    if "\n" in message:  # a group without a command: its help
        typer.echo(message, err=True)
    else:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "tierline"
        complain(f"{message.replace('Value error, ', '')} See `{command} --help`.")
    return Code.USAGE


def main() -> NoReturn:
    """The entry point. The process ends by `workers.exit.finish`, for a reason that is said there."""
    finish(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
