"""Live pages: what a browser is told of changes, from where it left off, and what a page says that it shows."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

import web
from domain.core.enums import Role
from services.reading import changes as reading
from services.reading.changes import Changes, Report, TooMany, page_position
from store import tokens
from tests.support.desk_visitor import Visitor, at_ticket
from tests.support.served_api import Api
from tests.support.waiting import PATIENCE, until

NEVER = 10_000.0


async def next_of(reports: AsyncIterator[Report]) -> Report:
    """The next report."""
    return await asyncio.wait_for(anext(reports), PATIENCE)


async def told_of(reports: AsyncIterator[Report], topic: str, seq: int) -> Report:
    """The first report from now on that names this event of a ticket or an incident."""
    while True:
        report = await next_of(reports)
        if names(report, topic, seq):
            return report


def names(report: Report, topic: str, seq: int) -> bool:
    """Whether a report says that a ticket or an incident has this event, and maybe some that followed by themselves."""
    return bool(report.topics and topic in report.topics and report.topics[topic].seq >= seq)


async def noted(api: Api, ticket: str, text: str = "A note.") -> int:
    """Write a note, and wait until the journal has it. Returns the number of its event."""
    answer = await api.post(f"/api/v1/tickets/{ticket}/note", {"text": text})
    seq = int(answer.json()["seq"])
    await until(lambda: reading.journal_reached(api.db, ticket, seq))
    return seq


async def declared(api: Api, area: str) -> int:
    """Declare an incident, by somebody who has declared no other (G6). Returns its number."""
    token = api.token(Role.ENGINEER, name=f"declares {area}")
    return int((await api.post("/api/v1/incidents", {"product_area": area}, token=token)).json()["incident"])


def now(api: Api) -> int:
    return page_position(api.db.clock.now())


async def test_a_follower_is_told_which_tickets_and_incidents_changed_and_how_far(api: Api) -> None:
    mine, other = await api.open(), await api.open()
    incident = await declared(api, "Told of")
    changes = Changes(api.db, every=0.05)
    reports = changes.follow(now(api), NEVER)
    await next_of(reports)
    for ticket in (mine, other):
        seq = await noted(api, ticket)
        report = await told_of(reports, ticket, seq)
        assert report.since <= report.upto <= now(api) + 1000
    answer = await api.post(f"/api/v1/incidents/{incident}/acknowledge", {})
    assert await told_of(reports, f"incident-{incident}", answer.json()["seq"])
    changes.close()


async def test_who_comes_back_is_told_what_changed_meanwhile_also_by_another_process(api: Api) -> None:
    ticket = await api.open()
    first = Changes(api.db, every=0.05)
    reports = first.follow(now(api), NEVER)
    heard = left_at = (await next_of(reports)).upto
    await reports.aclose()  # type: ignore[attr-defined]  # an async generator's
    seq = await noted(api, ticket)
    async for report in first.follow(heard, NEVER):  # from the log of the process
        assert report.since <= heard, "nothing lies between two reports"
        if names(report, ticket, seq):
            break
        heard = report.upto
    first.close()
    second = Changes(api.db, every=0.05)
    assert await told_of(second.follow(left_at, NEVER), ticket, seq)  # from the database
    second.close()


async def test_what_a_page_shows_already_is_not_told_again(api: Api) -> None:
    ticket = await api.open()
    changes = Changes(api.db, every=0.05)
    reports = changes.follow(now(api), NEVER)
    await told_of(reports, ticket, await noted(api, ticket))
    later = page_position(api.db.clock.now() + reading.UNSURE) + 1
    assert (await next_of(changes.follow(later, NEVER))).topics == {}
    changes.close()


@pytest.mark.parametrize("since", [0, 1_000_000_000_000])
async def test_who_was_away_too_long_is_told_that_anything_may_have_changed(api: Api, since: int) -> None:
    changes = Changes(api.db, every=0.05)
    assert (await next_of(changes.follow(since, NEVER))).topics is None
    changes.close()


async def test_more_changes_than_a_report_names_are_anything(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_TOPICS", 1)
    changes = Changes(api.db, every=0.05)
    reports = changes.follow(now(api), NEVER)
    await next_of(reports)
    first, second = await api.open(), await api.open()
    seen: set[str] = set()
    while not {first, second} <= seen:
        report = await next_of(reports)
        if report.topics is None:
            break
        seen |= set(report.topics)
    both = await next_of(changes.follow(reading.page_position(api.db.clock.now()) - 60_000, NEVER))
    assert both.topics is None
    changes.close()


async def test_where_nothing_changes_the_follower_hears_that_and_goes_on_from_there(api: Api) -> None:
    changes = Changes(api.db, every=0.05)
    reports = changes.follow(now(api), 0.1)
    upto = (await next_of(reports)).upto
    while (report := await next_of(reports)).upto == upto:
        pass
    assert report.upto > upto
    changes.close()


async def test_the_end_of_the_process_ends_every_stream_and_takes_no_more(api: Api) -> None:
    changes = Changes(api.db, every=0.05)
    reports = changes.follow(now(api), NEVER)
    await next_of(reports)
    waiting = asyncio.ensure_future(anext(reports, None))
    changes.close()
    while (report := await asyncio.wait_for(waiting, PATIENCE)) is not None:
        waiting = asyncio.ensure_future(anext(reports, None))
        assert report.topics is not None
    with pytest.raises(TooMany):
        await next_of(changes.follow(now(api), NEVER))


async def test_one_look_serves_all_followers_and_goes_on_for_a_while_after_the_last(api: Api) -> None:
    before = asyncio.all_tasks()

    def pollers() -> int:
        """How many look for changes since; a browser of other tests has tasks of its own."""
        coroutines = [task.get_coro() for task in asyncio.all_tasks() - before]
        return sum(getattr(one, "__qualname__", "") == "Changes._poll" for one in coroutines)

    changes = Changes(api.db, every=0.02, linger=0.1)
    some = [changes.follow(now(api), NEVER) for _ in range(3)]
    for one in some:
        await next_of(one)
    for one in some:
        await one.aclose()  # type: ignore[attr-defined]  # an async generator's
    assert pollers() == 1
    await until(lambda: not pollers())


# -- The stream ------------------------------------------------------------------------------------------------


def events(lines: Any) -> dict[str, str]:
    """The fields of the next event of a stream."""
    found: dict[str, str] = {}
    for line in lines:
        name, _, value = line.decode().partition(": ")
        if not line and "data" in found:
            return found
        if name:
            found[name] = value
    raise AssertionError("the stream has ended")


async def test_the_stream_needs_a_session_and_names_what_changed(api: Api) -> None:
    visitor, ticket, _ = await at_ticket(api)
    stranger = await Visitor(api).get("/desk/live?since=0")
    assert stranger.status_code == 303
    stream = await visitor.get(f"/desk/live?since={now(api)}", stream=True)
    assert stream.headers["Content-Type"].startswith("text/event-stream")
    lines = stream.iter_lines()
    await asyncio.to_thread(events, lines)
    seq = await noted(api, ticket)
    while True:
        event = await asyncio.to_thread(events, lines)
        report = json.loads(event["data"])
        assert (event["event"], int(event["id"])) == ("report", report["upto"])
        if report["topics"].get(ticket, [0])[0] == seq:
            break
    stream.close()
    again = await visitor.get(f"/desk/live?since={now(api)}", stream=True, headers={"Last-Event-ID": "1"})
    assert json.loads((await asyncio.to_thread(events, again.iter_lines()))["data"])["topics"] is None
    again.close()


@pytest.mark.parametrize("since", ["", "soon", "-1", "1" * 15, "\u0661"])
async def test_a_place_that_is_none_is_refused(api: Api, since: str) -> None:
    visitor = Visitor(api)
    await visitor.sign_in()
    assert (await visitor.get("/desk/live", params={"since": since})).status_code == 422


async def test_a_busy_stream_ends_with_its_session(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("web.live.BEAT", 0.05)
    secret = api.token(Role.AGENT, name="leaves-soon")
    visitor = Visitor(api)
    await visitor.sign_in(token=secret)
    stream = await visitor.get(f"/desk/live?since={now(api)}", stream=True)
    ticket = await api.open()
    with api.db.begin() as session:
        assert tokens.revoke(session, secret.split("_")[1], api.db.clock.now())

    def read() -> bool:
        return all(True for _ in stream.iter_lines())

    reading_on = asyncio.ensure_future(asyncio.to_thread(read))
    while not reading_on.done():
        await noted(api, ticket)
    assert await reading_on


async def test_pages_say_what_they_show(api: Api) -> None:
    visitor, ticket, address = await at_ticket(api)
    shown = (await visitor.get(address)).text
    assert re.search(rf'data-at="\d{{13}}"[^>]* data-live="{ticket}=\d+"[^>]* data-self="{address}"', shown)
    assert f'data-self="{address}/card"' in (await visitor.get(f"{address}/card")).text
    assert re.search(rf'data-live="{ticket}=\d+" data-keep', (await visitor.get(f"{address}/resolve")).text)
    assert re.search(rf'data-live="{ticket}=\d+" data-keep', (await visitor.get(f"{address}/forecast")).text)
    assert 'data-live="tickets"' in (await visitor.get("/desk/queue")).text
    assert 'data-live="incidents"' in (await visitor.get("/desk/incidents")).text
    incident = await declared(api, "Shown")
    joined = await api.post(f"/api/v1/incidents/{incident}/join", {"ticket": ticket})
    room = (await visitor.get(f"/desk/incidents/{incident}?seq={joined.json()['seq']}")).text
    assert re.search(rf'data-live="incident-{incident}=\d+ {ticket}"', room)


def test_the_vendored_files_are_what_their_list_says() -> None:
    static = Path(web.__file__).parent / "static"
    rows = [line.split("|") for line in (static / "VENDORED.md").read_text().splitlines() if line.startswith("| `")]
    listed = {row[1].strip().strip("`"): row[5].strip().strip("`") for row in rows}
    assert listed == {"htmx.min.js": hashlib.sha256((static / "htmx.min.js").read_bytes()).hexdigest()}
