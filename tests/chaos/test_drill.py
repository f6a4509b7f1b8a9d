"""`tierline incident`, from a terminal, with everything running: a real incident, and a drill that pages nobody."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.packages import T2_PACKAGE, T3_PACKAGE
from tests.support.people import Offices
from tests.support.processes import Processes
from tests.support.terminal import Printed, command
from tests.support.waiting import until

pytestmark = pytest.mark.long

REFUSED, NOT_FOUND = 1, 4


FOUR_STEPS = 'ladder = ["on-call", "on-call", "on-call-second", "manager"]'
THREE_STEPS = 'ladder = ["on-call", "on-call", "on-call-second"]'


def policy_of_a_drill(house: Processes) -> str:
    """A policy whose ladder ends where a drill acknowledges, so that no page is under way then.

    At a speed of 60 a step lasts five seconds, and a busy machine may take longer to acknowledge.
    """
    path = Path(house.environment()["TIERLINE_POLICY"])
    known = path.read_text()
    assert FOUR_STEPS in known
    own = path.with_name("drill.toml")
    own.write_text(known.replace(FOUR_STEPS, THREE_STEPS))
    return str(own)


async def tierline(house: Processes, *words: str) -> Printed:
    own = {"TIERLINE_SPEED": "60", "TIERLINE_POLICY": policy_of_a_drill(house)}
    return await command(house.environment() | own, *words)


async def done(house: Processes, *words: str) -> Any:
    """What a command that succeeds says to a program."""
    code, out, err = await tierline(house, *words, "--json")
    assert code == 0, out + err
    return json.loads(out)


def heard(house: Processes, number: int) -> list[str]:
    """What those who could wake somebody, and Jira, have heard of an incident."""
    name, chat = f"incident-{number}", house.chat.see("messages")
    keys = [event["dedup_key"] for event in house.pager.see("alerts")["events"]]
    keys += [page["data"]["dedup_key"] for page in chat["pages"]]
    keys += [notice["id"] for notice in chat["messages"]]
    labels = [label for issue in house.jira.see("issues")["issues"] for label in issue["labels"]]
    return [key for key in keys if key.partition(":")[0] == name] + [label for label in labels if label == name]


async def test_a_drill_walks_the_whole_flow_and_nobody_hears_of_it(house: Processes) -> None:
    told = await done(house, "incident", "drill", "--area", "API")

    assert [step["step"] for step in told["steps"]] == [
        "declare", "page", "page", "page", "acknowledge", "update", "approve", "mitigate", "resolve", "action",
        "review_done", "end",
    ]  # fmt: skip
    assert told["paged"] == ["on-call", "on-call", "on-call-second"]
    number = told["incident"]
    assert heard(house, number) == []
    room = [line["text"] for line in house.chat.see("messages")["room"] if f"incident-{number} " in line["text"]]
    assert len(room) > 5
    assert all(text.startswith(f"[DRILL incident-{number} #") for text in room)

    async def over() -> Any:
        shown = await done(house, "incident", "show", str(number))
        return None if shown["live"] else shown

    shown = await until(over, "its workflow has ended")
    assert (shown["drill"], shown["state"]) == (True, "reviewed")
    assert {page["state"] for page in shown["pages"]} == {"accepted"}


async def test_a_real_ticket_of_the_same_area_joins_no_drill(house: Processes, office: Offices) -> None:
    people = await office(60)
    drill = asyncio.create_task(done(house, "incident", "drill", "--area", "Billing"))
    case = await people.open("premium", "P0", product_area="Billing")

    await case.until_paged()

    number = (await drill)["incident"]
    assert number not in people.incidents(case.id)
    assert heard(house, people.incidents(case.id)[0])  # the negative control: of a real one, they hear
    await people.respond_to(people.incidents(case.id)[0], "acknowledge")


async def test_an_incident_from_the_terminal_from_declared_to_reviewed(house: Processes, office: Offices) -> None:
    people = await office(2)  # a step lasts minutes: nothing comes due while people work, however slow the machine is
    case = await people.open("premium", "P0")
    await case.until_paged()
    (number,) = people.incidents(case.id)
    name = str(number)

    async def shown() -> Any:
        return await done(house, "incident", "show", name)

    async def accepted() -> bool:
        return bool((await shown())["pages"][0]["state"] == "accepted")

    await until(accepted, "the page is known to have been taken")
    assert number in [line["number"] for line in (await done(house, "incident", "list"))["incidents"]]
    assert (await done(house, "incident", "ack", name, "--by", "ada"))["state"] == "acknowledged"
    code, out, err = await tierline(house, "incident", "ack", f"incident-{number}", "--by", "ada")
    assert (code, out) == (REFUSED, "")
    assert err.startswith("refused (does_not_fit): acknowledge is not allowed now: the incident is acknowledged; ")
    assert "; allowed now: " in err
    assert err.count("\n") == 1

    await done(house, "incident", "hand-over", name, "--to", "ben", "--by", "ada")
    await done(house, "incident", "update", name, "--status", "We found it.", "--by", "ben")
    await done(house, "incident", "approve", name, "--by", "ben")
    await done(house, "incident", "lower", name, "--reason", "One region only.", "--by", "ben")
    code, _, err = await tierline(house, "incident", "resolve", name, "--by", "ben")
    assert code == REFUSED
    assert f"{case.id}.steps_taken" in err  # G6: what is owed, by name

    async def lowered() -> Any:
        view = await shown()
        return view if view["priority"] == "P1" else None

    view = await until(lowered, "the journal has that it is lowered")
    assert (view["state"], view["priority"], view["commander"]) == ("acknowledged", "P1", "ben")
    (ticket,) = view["tickets"]
    assert ticket["id"] == case.id
    assert "bug_report" in ticket["owes"]
    assert view["pages"][0] == {"audience": "on-call", "level": 1, "time": 1, "state": "accepted"}

    await case.do("fill", fields=T2_PACKAGE | T3_PACKAGE)

    async def paid() -> bool:
        return not (await shown())["tickets"][0]["owes"]

    await until(paid, "the packages are paid")
    await done(house, "incident", "mitigate", name, "--by", "ben")
    await done(house, "incident", "resolve", name, "--comment", "It was DNS.", "--by", "ben")
    await done(house, "incident", "action", name, "--text", "Watch the DNS.", "--by", "ben")

    async def whole() -> Any:
        view = await shown()
        ready = view["links"]["jira"] and view["links"]["review"] and all(a["jira"] for a in view["actions"])
        return view if ready and not view["outstanding"] else None

    view = await until(whole, "Jira has all of it")
    issues = {issue["key"]: issue for issue in house.jira.see("issues")["issues"]}
    incident, review = issues[view["links"]["jira"]["key"]], issues[view["links"]["review"]["key"]]
    assert incident["status"] == "Done"
    assert review["relates"] == [incident["key"], view["actions"][0]["jira"]]
    assert "It was DNS." in str(incident["comments"])
    assert (await done(house, "incident", "review", name, "--summary", "Learnt.", "--by", "ben"))["state"] == "reviewed"

    async def reviewed() -> bool:
        code, out, _ = await tierline(house, "incident", "show", name)
        assert code == 0
        return "Reviewed, says ben." in out

    await until(reviewed, "the journal has the review")


async def test_what_there_is_not_is_told_in_one_line_with_a_stable_code(house: Processes) -> None:
    for words in (("show", "999999"), ("ack", "999999"), ("show", "four")):
        code, out, err = await tierline(house, "incident", *words)
        assert (code, out, err.count("\n")) == (NOT_FOUND, "", 1)
        assert err.startswith("there is no incident")
