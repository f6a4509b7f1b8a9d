"""The commands of `tierline ops` that change something: each on the tickets that are named, or on all that need it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any, NamedTuple

import typer
from temporalio.client import Client

from cli.backend import me
from cli.ops import AsJson, app
from cli.output import Mistyped, code_of, example, exit_on_failure, expected, print_error, print_json, print_line
from cli.times import local
from domain.core.enums import Role
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from domain.core.text import one_line
from domain.policy.policy import Policy
from services import comparison, recalculation, repair
from services.incidents import IncidentService
from services.reading.instants import iso
from services.recalculation import Recalculated
from services.reconciliation import Reconciler
from services.repair import About, named
from services.restoring import Different, Restoring
from services.temporal_views import VIEWS, link
from services.tickets import TicketService
from store.database import Database
from workers.bootstrap import database, load_policy_at_speed
from workers.settings import load_settings
from workers.temporal import connect

Named = Annotated[
    list[str] | None, typer.Argument(metavar="TICKET...", help="Ids of tickets; of an incident as in incident-7.")
]
Reason = Annotated[str, typer.Option(help="Why. It stands on each ticket's timeline.")]
EACH = 100
"""Of so many that are done, a line says how far it is."""


class Tools(NamedTuple):
    """What the commands work with."""

    client: Client
    db: Database
    policy: Policy
    tickets: TicketService
    incidents: IncidentService


@asynccontextmanager
async def _tools() -> AsyncIterator[Tools]:
    settings = load_settings()
    policy = load_policy_at_speed(settings)
    db = database(settings, "ops")
    try:
        client = await connect(settings)
        yield Tools(client, db, policy, TicketService(client, db, policy), IncidentService(client, db, policy))
    finally:
        db.dispose()


def _who() -> dict[str, Any]:
    """Return who gives a command: whoever sits at the terminal, as ops."""
    return {"by": me(), "role": Role.OPS.value}


@app.command(epilog=example("tierline ops retry 4k7m-3q9x-tbd2", "tierline ops retry incident-7"))
def retry(ids: Named = None, as_json: AsJson = False) -> None:
    """Try again at once what Jira or the pager refused, or what waits for its next try.

    What was refused is asked for again, as `tierline retry` does, once you have corrected what it named. What waits
    keeps its key: it is not done twice.
    """

    async def one(tools: Tools, about: About) -> str:
        done = await repair.retry(tools.client, tools.tickets, tools.incidents, about, _who())
        said = ["what was refused is asked for again"] if done.refused else []
        return "; ".join([*said, *(f"{name} is tried now" for name in done.waiting)])

    with exit_on_failure(as_json):
        asyncio.run(_each(_several(ids), one, as_json))


@app.command(
    epilog=example("tierline ops reassign 4k7m-3q9x-tbd2 --to ben", "tierline ops reassign --from ada --to ben")
)
def reassign(
    ids: Named = None,
    to: Annotated[str, typer.Option("--to", metavar="NAME", help="Whose it is from now on.")] = "",
    frm: Annotated[
        str | None, typer.Option("--from", metavar="NAME", help="All active tickets that this person holds.")
    ] = None,
    override: Annotated[bool, typer.Option("--override", help="Beyond the limit of active tickets (G17).")] = False,
    as_json: AsJson = False,
) -> None:
    """Assign tickets to somebody else, whoever holds them: those that are named, or all of a person who is away."""

    async def one(tools: Tools, about: About) -> str:
        if about.noun != "ticket":
            raise Refused("malformed", f"an incident is handed over: tierline incident hand-over {about.id} --to {to}")
        await repair.reassign(tools.tickets, str(about.id), to, _who(), override=override)
        return f"{to} has it"

    with exit_on_failure(as_json):
        if not to or bool(ids) == bool(frm):
            raise Mistyped("missing_fields", "say --to, and either tickets or --from")
        db = database(load_settings(), "ops")
        try:
            held = [About("ticket", ticket) for ticket in repair.held_by(db, frm)] if frm else _several(ids)
        finally:
            db.dispose()
        asyncio.run(_each(held, one, as_json))


@app.command(epilog=example("tierline ops resume 4k7m-3q9x-tbd2", "tierline ops resume --all"))
def resume(
    ids: Named = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are open and have no running workflow.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start the workflow of an open ticket or incident again from its journal, where none runs.

    What was due meanwhile keeps its own instant, and effects keep their keys: nothing is paged, posted or made twice.
    Workers and relays do the same by themselves every two minutes.
    """

    async def one(tools: Tools, about: About) -> str:
        outcome = await Reconciler(tools.client, tools.db, tools.policy).resume(about.noun, about.id)
        if outcome == "left":
            raise Unavailable('the workflow cannot go on from its journal: see "A gap in the journal" in docs/ops.md')
        return "it goes on from its journal" if outcome == "resumed" else "its workflow runs already, or it is over"

    async def every() -> Sequence[About]:
        async with _tools() as tools:
            found = await comparison.compare(tools.client, tools.db)
        return [
            *(About("ticket", ticket) for ticket in found.tickets),
            *(About("incident", number) for number in found.incidents),
        ]

    with exit_on_failure(as_json):
        if bool(ids) == everything:
            raise Mistyped("missing_fields", "say which tickets, or --all")
        asyncio.run(_each(asyncio.run(every()) if everything else _several(ids), one, as_json))


@app.command(epilog=example("tierline ops rebuild 4k7m-3q9x-tbd2", "tierline ops rebuild --all --check"))
def rebuild(
    ids: Named = None,
    everything: Annotated[bool, typer.Option("--all", help="All tickets and incidents, in small parts.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Change nothing: only say what differs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make what lists and pages show of a ticket anew from its journal, which is the record.

    Workflows, notices and other systems are not touched. With --all, parts of 50 are made in a transaction each, while
    everything else goes on.
    """
    with exit_on_failure(as_json):
        if bool(ids) == everything:
            raise Mistyped("missing_fields", "say which tickets, or --all")
        db = database(load_settings(), "ops")
        try:
            _rebuild(db, [_several(ids)] if ids else repair.all_in_parts(db), as_json, write=not check)
        finally:
            db.dispose()


def _rebuild(db: Database, parts: Any, as_json: bool, *, write: bool) -> None:
    looked = 0
    changed: list[dict[str, Any]] = []
    for part in parts:
        for one in repair.rebuild(db, part, write=write):
            looked += 1
            if one.changed:
                changed.append({"about": str(one.about), "changed": list(one.changed)})
                if not as_json:
                    print_line(f"{one.about}: {', '.join(one.changed)}")
            if not looked % (10 * EACH):
                print_error(f"{looked} are looked at, {len(changed)} differ")
    if as_json:
        return print_json({"looked_at": looked, "written": write, "changed": changed})
    print_line(f"{looked} looked at; {len(changed)} {'were made anew' if write else 'differ from their journal'}")


@app.command(epilog=example("tierline ops reconcile", "tierline ops reconcile --repair"))
def reconcile(
    mend: Annotated[bool, typer.Option("--repair", help="Also mend what can be mended.")] = False,
    restored: Annotated[
        bool,
        typer.Option("--restored", help="Look at each by itself: a backup was restored, and no worker runs."),
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many of each kind are looked at.")] = 1000,
    as_json: AsJson = False,
) -> None:
    """Compare the journal with Temporal, both ways, and say what differs.

    That is what is open in the journal and has no running workflow; what runs and stands in no journal, or whose
    journal lacks events; and what runs though its journal says that it is over. --repair starts the first again from
    the journal, and reads what the journals lack from the workflows' histories. Exit code 3 if something still differs.

    After a backup was restored, of the database or of Temporal, stop all other processes and run it with --restored
    --repair: it reads the end of each history, and also ends and resumes workflows that are older than their journal.
    """
    if restored:
        return _after_restore(mend=mend, as_json=as_json)

    async def act() -> tuple[comparison.Looked, Sequence[str]]:
        async with _tools() as tools:
            found = await comparison.look(tools.client, tools.db, limit)
            mended = await Reconciler(tools.client, tools.db, tools.policy).mend(found) if mend else ()
            await asyncio.to_thread(comparison.put_on_record, tools.db, found, mended)
            return found, mended

    with exit_on_failure(as_json):
        found, mended = asyncio.run(act())
        lines = [
            *((name, f"open in the journal, not running ({one.status})") for name, one in found.stopped.items()),
            *((one.workflow, f"journal at {one.journal}, workflow at {one.decided or '?'}") for one in found.behind),
            *((name, "over in the journal, and running") for name in found.over),
        ]
        if as_json:
            print_json(
                {"differ": [{"workflow": n, "why": why, "mended": n in mended} for n, why in lines], "more": found.more}
            )
        else:
            for name, why in lines:
                print_line(f"{name}: {why}{': mended' if name in mended else ''}")
            more = f"; {found.more} more were not looked at" if found.more else ""
            print_line(f"{len(lines)} differ{more}" if lines else "the journal and Temporal agree")
        if len(lines) > len(mended) or found.more:
            raise typer.Exit(3)


def _after_restore(*, mend: bool, as_json: bool) -> None:
    async def act() -> tuple[Sequence[Different], Sequence[str]]:
        async with _tools() as tools:
            restoring = Restoring(tools.client, tools.db, tools.policy)
            found = await restoring.look()
            return found, await restoring.mend(found) if mend else ()

    with exit_on_failure(as_json):
        found, mended = asyncio.run(act())
        if as_json:
            differ = [{"workflow": one.workflow, "why": one.why, "mended": one.workflow in mended} for one in found]
            print_json({"differ": differ, "more": 0})
        else:
            for one in found:
                print_line(f"{one.workflow}: {one.why}{': mended' if one.workflow in mended else ''}")
            print_line(f"{len(found)} differ" if found else "the journal and Temporal agree")
        if len(found) > len(mended):
            raise typer.Exit(3)


@app.command(
    epilog=example("tierline ops recalculate", "tierline ops recalculate --apply --reason 'A new holiday in Bavaria'")
)
def recalculate(
    ids: Named = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it: without it, only say what would change.")] = False,
    reason: Reason = "",
    as_json: AsJson = False,
) -> None:
    """Count the deadlines of open tickets anew by today's policy and calendars: a preview, unless you --apply.

    A ticket keeps what it was promised, so an edit reaches new tickets only. With --apply, each ticket of which a
    deadline moves is given today's terms: a command like any other, with who and why. Nothing becomes due in the past
    by it, and a recorded breach stays (C8).
    """
    with exit_on_failure(as_json):
        if apply and not reason.strip():
            raise Mistyped("missing_fields", "say why: --reason")
        abouts = [str(about.id) for about in (_several(ids) if ids else [])]
        db = database(load_settings(), "ops")
        try:
            policy = load_policy_at_speed(load_settings())
            found = list(recalculation.preview(db, policy, db.clock.now(), abouts))
        finally:
            db.dispose()
        if not apply:
            return _print_recalculated(found, as_json)
        by_id = {one.ticket: one for one in found if one.moved}
        for refused in (one for one in found if one.problem):
            print_error(f"{refused.ticket}: {refused.problem}")

        async def one(tools: Tools, about: About) -> str:
            await recalculation.apply(tools.tickets, by_id[str(about.id)], _who(), reason)
            return "; ".join(_moved(by_id[str(about.id)]))

        asyncio.run(_each([About("ticket", ticket) for ticket in by_id], one, as_json))


def _moved(one: Recalculated) -> list[str]:
    def at(instant: Any) -> str:
        return local(iso(instant)) if instant else "not counted"

    return [
        f"{m.metric.value.replace('_', ' ')} of the {m.side.value} {at(m.before)} -> {at(m.after)}" for m in one.moved
    ]


def _print_recalculated(found: Sequence[Recalculated], as_json: bool) -> None:
    if as_json:
        return print_json({"tickets": [recalculation.as_object(one) for one in found], "applied": False})
    for one in found:
        print_line(f"{one.ticket} {one.account}: {one.problem or '; '.join(_moved(one))}")
    print_line(
        f"{len(found)} open tickets would change; --apply --reason '...' changes them" if found else "none changes"
    )


@app.command(epilog=example("tierline ops views", "tierline ops views --ui https://temporal.example.com"))
def views(
    ui: Annotated[
        str | None, typer.Option("--ui", metavar="ADDRESS", help="Of the Temporal UI. [default: that of this machine]")
    ] = None,
    namespace: Annotated[str, typer.Option("--namespace", metavar="NAME", help="Temporal's namespace.")] = "default",
    as_json: AsJson = False,
) -> None:
    """Print links that save Tierline's views in the Temporal UI: open each once, in each browser.

    The UI keeps saved views in the browser, so nothing can install them for everybody. A link adds its view
    each time that it is opened.
    """
    with exit_on_failure(as_json):
        address = ui or f"http://127.0.0.1:{load_settings().ui_port}"
        links = [(view, link(address, namespace, view)) for view in VIEWS]
        if as_json:
            return print_json({"views": [view._asdict() | {"link": address} for view, address in links]})
        for view, address in links:
            print_line(f"{view.name}: {view.query}")
            print_line(f"  {address}")


# -- Many of them --------------------------------------------------------------------------------------------


def _several(ids: Sequence[str] | None) -> Sequence[About]:
    """Return what was named, each once. Raises Refused, Mistyped where nothing is."""
    if not ids:
        raise Mistyped("missing_fields", "say which tickets")
    return list(dict.fromkeys(named(one) for one in ids))


async def _each(abouts: Sequence[About], act: Callable[[Tools, About], Awaitable[str]], as_json: bool) -> None:
    """Act on each, say what became of it, and go on where one is refused; in the end with the code of the first."""
    results: list[dict[str, Any]] = []
    first: Exception | None = None
    async with _tools() as tools:

        async def one(about: About) -> None:
            nonlocal first
            try:
                said, done = await act(tools, about), True
            except Exception as error:
                if not expected(error):
                    raise
                first, said, done = first or error, one_line(str(error), 300), False
            results.append({"about": str(about), "done": done, "what": said})
            if not as_json:
                (print_line if done else print_error)(f"{about}: {said}")
                if not len(results) % EACH and len(results) < len(abouts):
                    print_error(f"{len(results)} of {len(abouts)}")

        await comparison.in_turns(one, abouts)
    if as_json:
        print_json({"results": results})
    elif not abouts:
        print_line("there is nothing to do")
    if first is not None:
        raise typer.Exit(code_of(first))
