"""`tierline ops versions`: which build of the workers runs what, and when an old worker may stop."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from cli.output import console, exit_on_failure, print_json, print_line, safe
from cli.tables import Column, draw_table
from services.builds import Build, list_builds, move_from, use_build
from workers.settings import load_settings
from workers.temporal import connect


def versions(
    use: Annotated[
        str | None, typer.Option(metavar="BUILD", help="Take this build into use: new tickets begin on it.")
    ] = None,
    move: Annotated[
        str | None,
        typer.Option(metavar="BUILD", help="Ask all that runs on this build to move to the one in use; '': on none."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Say which build of the workers runs how many tickets and incidents, and whether its workers may stop.

    A build is what TIERLINE_BUILD_ID of its workers says. A ticket stays on its build; once another is in use, it
    moves there after the next thing that happens to it. Those to which nothing happens are asked by --move.
    """
    with exit_on_failure(as_json):
        asked, builds = asyncio.run(_look(use, move))
        if as_json:
            print_json({"asked_to_move": asked, "builds": [_as_object(one) for one in builds]})
            return
        if asked is not None:
            print_line(f"{asked} tickets and incidents are asked to move")
        _draw(builds)


async def _look(use: str | None, move: str | None) -> tuple[int | None, Sequence[Build]]:
    settings = load_settings()
    client = await connect(settings)
    if use is not None:
        await use_build(client, settings.deployment, use)
    asked = await move_from(client, settings.deployment, move) if move is not None else None
    return asked, await list_builds(client, settings.deployment)


def _as_object(one: Build) -> dict[str, object]:
    return one.model_dump() | {"may_stop": one.may_stop}


def _draw(builds: Sequence[Build]) -> None:
    columns = [Column(name) for name in ("build", "state", "workers", "tickets", "incidents", "others", "")]
    rows = [
        (one.build or "(none)", one.state, one.workers, one.tickets, one.incidents, one.others, _advice(one))
        for one in builds
    ]
    draw_table(console(uncut=True), columns, [[Text(safe(str(cell))) for cell in row] for row in rows])


def _advice(one: Build) -> str:
    """Return what ops may, or must, do about a build."""
    if one.may_stop:
        return "its workers may stop" if one.workers else ""
    if one.workers:
        return f"tierline ops versions --use {one.build}" if one.state == "not used yet" else ""
    if one.state == "in use" or one.open:
        return (
            "NO WORKER: start one, or take another build into use" if one.state == "in use" else "NO WORKER: start one"
        )
    return ""
