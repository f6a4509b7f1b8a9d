"""The processes that Tierline is made of: `tierline worker`, `relay`, `migrate`, `standins`.

`tierline api` is in `cli.api`: the others start in two thirds of the time without the API's code.
"""

import asyncio
import logging
import shlex
import signal
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from starlette.types import ASGIApp
from temporalio.common import WorkerDeploymentVersion

from cli.log import begin_log
from cli.output import exit_on_failure, print_json, print_line
from integrations.calls import Failure
from integrations.standins import run as stand_ins
from integrations.standins import zendesk
from integrations.tracker.port import TrackerPort
from services.builds import log_the_build
from services.health import log_the_clock
from services.intake.enrichment import Matching
from services.reconciliation import Reconciler
from services.tickets import TicketService
from services.webhooks.deliveries import Deliveries
from store.migrate import check
from store.migrate import migrate as bring_up_to_date
from workers.bootstrap import (
    build_clients,
    database,
    database_url,
    hooks,
    load_policy_at_speed,
    notice_channels,
    notice_link,
    ops_alerts,
    sinks,
    survey_links,
)
from workers.metrics import keep_counting, meter_of, sdk_runtime
from workers.processes import ProcessError
from workers.pruning import keep_pruning, kept
from workers.quiet_hours import digests, quiet_hours
from workers.recovery import keep_matching, keep_reconciling, keep_starting
from workers.relay import Relay, no_survey
from workers.rounds import keep_checking_credits, keep_posting, keep_reminding
from workers.settings import Settings, load_settings
from workers.temporal import connect, require_search_attributes
from workers.tracing import traced
from workers.webhook_relay import start_webhook_relays
from workers.worker import running, schedule_comparison, schedule_sweep, until_told_to_stop
from workflows import ports

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a line.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Its port.")]


def worker(as_json: AsJson = False) -> None:
    """Run tickets: workflows and activities, until told to stop (SIGTERM, Ctrl-C).

    Start as many as the load needs, on as many machines.
    """
    with exit_on_failure(as_json):
        settings = load_settings()
        begin_log(settings.log)
        with traced(settings, "worker"):
            asyncio.run(_work(settings, as_json))


async def _work(settings: Settings, as_json: bool) -> None:
    told_to_stop = asyncio.create_task(until_told_to_stop())
    rules = load_policy_at_speed(settings)
    clients = await asyncio.to_thread(build_clients, settings, rules)
    await asyncio.to_thread(log_the_clock, clients.db)
    client = await connect(settings, sdk_runtime(settings))
    await require_search_attributes(client)
    build = WorkerDeploymentVersion(settings.deployment, settings.build_id) if settings.build_id else None
    async with running(client, clients, cached=settings.cached_workflows, build=build):
        if settings.build_id:
            await log_the_build(client, settings.deployment, settings.build_id)
        await schedule_sweep(client, timedelta(seconds=settings.jira_sweep))
        await schedule_comparison(client, timedelta(seconds=settings.reconcile))
        place = f"{client.service_client.config.target_host}, namespace {client.namespace}"
        checking = asyncio.create_task(_check_jira(clients.jira))
        keeping = [
            asyncio.create_task(keep_starting(TicketService(client, clients.db, rules, channel="worker"))),
            asyncio.create_task(keep_matching(Matching(client, clients.db, rules))),
            asyncio.create_task(keep_reconciling(Reconciler(client, clients.db, rules))),
        ]
        named = f", build {settings.build_id}" if settings.build_id else ""
        announce_ready("worker", as_json, f"{place}, queues {', '.join(ports.QUEUES)}{named}")
        await until_one_ends(told_to_stop, keeping, [checking])
    clients.db.dispose()


async def until_one_ends(
    told_to_stop: asyncio.Task[None],
    for_ever: Sequence[asyncio.Task[None]],
    meanwhile: Sequence[asyncio.Task[None]] = (),
) -> None:
    """Wait until the process is told to stop, then cancel its other tasks.

    Those that run `for_ever` never end by themselves: what ends one is a bug, which ends the process and is raised
    here, so that a supervisor starts it again and somebody reads why. Of those that run `meanwhile` a bug is raised at
    the end, whenever it came.
    """
    await asyncio.wait([told_to_stop, *for_ever], return_when=asyncio.FIRST_COMPLETED)
    ended = [task for task in (*for_ever, *meanwhile) if task.done()]
    for task in (*for_ever, *meanwhile):
        task.cancel()
    for task in ended:
        await task
    if not told_to_stop.done():
        raise RuntimeError("a task that runs for ever has come to its end")


async def _check_jira(jira: TrackerPort) -> None:
    """Say what the first ticket would meet, before it does. Nothing waits for it: Jira may be down."""
    log = logging.getLogger("tierline.jira")
    try:
        for sentence in await asyncio.to_thread(jira.check):
            log.warning("%s (`tierline jira check` says when all is well)", sentence)
    except Failure as failure:
        log.warning("what Jira takes could not be checked: %s", failure)


def relay(as_json: AsJson = False) -> None:
    """Send notices from the outbox, each once, and see to what others left over, until told to stop (SIGTERM, Ctrl-C).

    That is: deliveries that nobody acted on, and tickets on record whose workflow was never started. It also drops what
    is over, as TIERLINE_KEEP_... say.
    """
    with exit_on_failure(as_json):
        settings = load_settings()
        begin_log(settings.log)
        with traced(settings, "relay"):
            asyncio.run(_relay(settings, as_json))


async def _relay(settings: Settings, as_json: bool) -> None:
    told_to_stop = asyncio.create_task(until_told_to_stop())
    rules = load_policy_at_speed(settings)
    sink, hold = notice_channels(settings, rules), quiet_hours(rules)
    await asyncio.to_thread(check, database_url(settings))
    db = database(settings, "relay")
    await asyncio.to_thread(log_the_clock, db)
    ops = ops_alerts(rules)
    destinations = sinks(settings, db, ops)
    runtime = sdk_runtime(settings)
    client = await connect(settings, runtime, lazy=True)  # notices go out without Temporal
    service = TicketService(client, db, rules, channel="relay")
    stop = threading.Event()
    surveys = survey_links(settings, rules)
    survey = surveys.link if surveys else no_survey
    notices = Relay(
        db, sink, ops=ops, hold=hold, digest=digests(rules), link=notice_link(settings), survey=survey,
        channels=rules.channels_of,
    )  # fmt: skip
    sending = asyncio.create_task(asyncio.to_thread(notices.run, stop))
    others = [
        asyncio.create_task(Deliveries(db, hooks(settings, client, db, service), ops).run()),
        asyncio.create_task(keep_starting(service)),
        asyncio.create_task(keep_reconciling(Reconciler(client, db, rules))),
        asyncio.create_task(keep_posting(db, rules)),
        asyncio.create_task(keep_checking_credits(db, ops)),
    ]
    if surveys:
        others.append(asyncio.create_task(keep_reminding(db, rules)))
    if settings.metrics:
        others.append(asyncio.create_task(keep_counting(db, meter_of(runtime))))
    feeders = await asyncio.to_thread(start_webhook_relays, db, destinations, stop, ops)
    others.append(asyncio.create_task(keep_pruning(db, kept(settings))))
    announce_ready("relay", as_json, f"notices go to {settings.notice_url or 'their channels'}")
    try:
        await until_one_ends(told_to_stop, [sending, *others])
    finally:
        stop.set()
        await asyncio.wait([sending])
        for feeder in feeders:
            await asyncio.to_thread(feeder.join)
        db.dispose()


def migrate(as_json: AsJson = False) -> None:
    """Bring the database to this program's schema. Safe to repeat, and to start twice at once."""
    with exit_on_failure(as_json):
        revision = bring_up_to_date(database_url(load_settings()))
        if as_json:
            print_json({"revision": revision})
        else:
            print_line(f"the database is at {revision}")


def standins(
    jira_port: Port = 8090,
    pager_port: Port = 8091,
    chat_port: Port = 8092,
    zendesk_port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="The port of a Zendesk; without it, there is none.")
    ] = None,
    webhooks: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Where to tell what people do, as in http://127.0.0.1:8080/webhooks."),
    ] = None,
    state_dir: Annotated[Path | None, typer.Option(help="Where they remember; without it, a restart forgets.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run local stand-ins for Jira, the pager, whatever takes notices, and Zendesk, until told to stop.

    It prints the variables that lead Tierline to them. What people write in Zendesk is forgotten at its end.
    """
    jira, pager, chat = (f"http://127.0.0.1:{port}" for port in (jira_port, pager_port, chat_port))
    notices = stand_ins.chat_config(chat)
    # No secrets: they open nothing but these local servers.
    variables = {"NOTICE_URL": notices.url, "NOTICE_SECRET": notices.secret.get_secret_value()}
    variables |= stand_ins.jira_environment(jira) | stand_ins.pager_environment(pager, chat)
    beside: dict[int, ASGIApp] = {}
    if zendesk_port is not None:
        helpdesk = zendesk.ZendeskStandIn()
        if webhooks:
            helpdesk.subscribe(f"{webhooks.rstrip('/')}/zendesk")
        beside[zendesk_port] = helpdesk.app
        variables |= zendesk.zendesk_environment(f"http://127.0.0.1:{zendesk_port}")
    with exit_on_failure(as_json):
        if as_json:
            print_json(variables)
        else:
            for name, value in variables.items():
                print_line(f"export {name}={shlex.quote(value)}")
        # The server ends gracefully, then hands the signal on: as an interruption, which it takes for the end.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            stand_ins.serve(jira_port, pager_port, chat_port, state_dir, webhooks=webhooks, beside=beside)
        except OSError as error:
            options = "--jira-port, --pager-port, --chat-port, --zendesk-port"
            raise ProcessError(f"{error.strerror}: choose another ({options})") from None


def announce_ready(name: str, as_json: bool, where: str) -> None:
    """Say in one line that a process is ready, and where: its owner waits for the line."""
    if as_json:
        print_json({"ready": name, "where": where})
    else:
        print_line(f"{name} is ready: {where}")
