"""F7: who is reminded and when, where the survey's notice leads, scores in groups, and what erasure reaches."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from domain.core.enums import Role
from domain.policy.policy import Notice, SurveyRow
from domain.ticket import commands as c
from integrations.chat.client import WebhookSink
from integrations.standins.run import Control, chat_config, running
from services import survey
from store import erasure, journal, surveys
from store.closed_tickets import command_closed
from store.database import Database
from store.tables.integrations import OutboxRow
from tests.support.policy import POLICY
from tests.support.surveys import LINKS
from tests.support.ticket_life import MONDAY, Life, closed, life
from workers.relay import Relay

CLOSED = MONDAY + timedelta(minutes=4)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
OWN = "Thank you for the screenshot, Ann."
TEMPLATED = f"Hello,\n\n{OWN}\n\nPress F5."


def record(database: Database, one: Life) -> str:
    with database.begin() as session:
        journal.append(session, one.ticket.id, "run-1", one.events)
    return one.ticket.id


def rate(
    database: Database,
    ticket: str,
    csat: int,
    comment: str = "",
    at: datetime = CLOSED + DAY,
    effort: int | None = None,
) -> None:
    command = c.Rate(by="acme", role=Role.CUSTOMER, csat=csat, comment=comment, effort=effort, survey=True)
    command_closed(database, ticket, command, at)


def sent(database: Database, at: datetime) -> None:
    """All notices were sent at that instant."""
    with database.begin() as session:
        session.execute(update(OutboxRow).where(OutboxRow.state == "pending").values(state="sent", sent_at=at))


def reminders(database: Database) -> list[OutboxRow]:
    with database.session() as session:
        return list(session.scalars(select(OutboxRow).where(OutboxRow.name == surveys.REMINDER)))


def test_f7_who_does_not_answer_is_reminded_once_three_days_after_the_survey_was_sent(database: Database) -> None:
    ticket = record(database, closed(life()))
    assert survey.remind(database, POLICY, CLOSED + 4 * DAY) == 0, "the survey has not been sent"
    sent(database, CLOSED)
    assert survey.remind(database, POLICY, CLOSED + 3 * DAY) == 0
    assert survey.remind(database, POLICY, CLOSED + 3 * DAY + timedelta(seconds=1)) == 1
    assert survey.remind(database, POLICY, CLOSED + 4 * DAY) == 0
    (one,) = reminders(database)
    assert (one.ticket_id, one.audience, one.recipient, one.at) == (ticket, "customer", "acme", CLOSED)
    sent(database, CLOSED + 4 * DAY)
    assert survey.remind(database, POLICY, CLOSED + 5 * DAY) == 0


def test_f7_many_relays_write_one_reminder(database: Database) -> None:
    record(database, closed(life()))
    sent(database, CLOSED)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: survey.remind(database, POLICY, CLOSED + 4 * DAY), range(8)))
    assert len(reminders(database)) == 1


def test_f7_who_has_answered_was_erased_or_is_not_to_be_asked_is_not_reminded(database: Database) -> None:
    answered, erased = record(database, closed(life("1"))), record(database, closed(life("2")))
    sent(database, CLOSED)
    rate(database, answered, 5)
    with database.begin() as session:
        erasure.erase(session, erased, at=CLOSED + DAY, actor="ada", reason="asked", scope="ticket")
    assert survey.remind(database, POLICY, CLOSED + 4 * DAY) == 0
    record(database, closed(life("3")))
    sent(database, CLOSED)
    never = POLICY.model_copy(update={"survey": SurveyRow(remind_after="never")})
    nobody = POLICY.model_copy(
        update={"notices": POLICY.notices | {Notice.SURVEY_REMINDER: POLICY.notices[Notice.LOW_SCORE]}}
    )
    assert [survey.remind(database, one, CLOSED + 4 * DAY) for one in (never, nobody)] == [0, 0]


def test_f7_what_was_closed_more_than_a_week_ago_is_reminded_of_no_more(database: Database) -> None:
    record(database, closed(life()))
    sent(database, CLOSED)
    assert survey.remind(database, POLICY, CLOSED + 7 * DAY + timedelta(seconds=1)) == 0


@pytest.fixture
def chat() -> Iterator[Control]:
    with running() as standins:
        yield standins.chat


def test_f7_survey_and_reminder_lead_to_the_same_page_and_no_other_notice_does(
    database: Database, chat: Control
) -> None:
    ticket = record(database, closed(life()))
    relay = Relay(database, WebhookSink(chat_config(chat.url)), survey=LINKS.link, link=lambda *_: "https://ours")
    while relay.send_one():
        pass
    sent_at = {"state": "sent", "sent_at": CLOSED}
    with database.begin() as session:
        session.execute(update(OutboxRow).values(sent_at))
    assert survey.remind(database, POLICY, CLOSED + 4 * DAY) == 1
    while relay.send_one():
        pass
    told: dict[str, Any] = {
        one["data"]["kind"]: one["data"]["link"]
        for one in chat.see("messages")["messages"]
        if one["data"]["audience"] == "customer"
    }
    assert told == dict.fromkeys(("survey", "survey_reminder"), LINKS.link(ticket, CLOSED))


def test_f7_scores_are_counted_by_team_category_channel_and_template(database: Database) -> None:
    good, bad, silent = (record(database, closed(life(name))) for name in "123")
    templated = life("4").do("respond", timedelta(minutes=1), text=TEMPLATED, template="f5", personal_line=OWN)
    templated = record(database, closed(templated))
    rate(database, good, 5)
    rate(database, bad, 1)
    rate(database, bad, 2, at=CLOSED + DAY + timedelta(minutes=1))
    rate(database, templated, 4)
    assert silent
    now = CLOSED + 2 * DAY
    found = survey.scores(database, "category", 28, now)
    assert found.all.model_dump() == {
        "name": "", "closed": 4, "rated": 3, "satisfied": 2, "low": 1, "average": 3.67, "efforts": 0,
        "effort": None,
    }  # fmt: skip
    assert [(one.name, one.closed, one.rated) for one in found.scores] == [("bug", 4, 3)]
    by = {name: survey.scores(database, name, 28, now).scores for name in ("team", "channel", "template")}
    assert [(one.name, one.rated) for one in by["channel"]] == [("email", 3)]
    assert sum(one.rated for one in by["team"]) == 3
    assert [(one.name, one.closed, one.rated, one.average) for one in by["template"]] == [("f5", 1, 1, 4.0)]
    assert survey.scores(database, "all", 1, CLOSED + 2 * DAY).all.closed == 0


def test_f7_how_easy_it_was_is_an_average_from_five_answers_on_and_nothing_before(database: Database) -> None:
    # Given six tickets that were rated, of which one customer says nothing of how easy it was, and one says it twice
    reply = {"text": TEMPLATED, "template": "f5", "personal_line": OWN}
    replied = [life(name).do("respond", timedelta(minutes=1), **reply) for name in "123456"]
    tickets = [record(database, closed(one)) for one in replied]
    now = CLOSED + 2 * DAY
    said: dict[str, int] = {}

    def figures() -> set[tuple[int, float | None]]:
        by = ("team", "category", "channel", "template", "hour")
        found = [survey.scores(database, name, 28, now) for name in by]
        return {(one.efforts, one.effort) for group in found for one in (group.all, *group.scores)}

    # When four of them say so, and then the fifth
    rate(database, tickets[5], 5)
    for ticket, effort in zip(tickets[:4], (1, 7, 6, 4), strict=True):
        rate(database, ticket, 4, effort=effort)
        said[ticket] = effort
    rate(database, tickets[0], 4, effort=2, at=CLOSED + DAY + timedelta(minutes=1))
    said[tickets[0]] = 2

    # Then four say nothing, and five are their average, the last answer of each
    assert figures() == {(4, None)}
    rate(database, tickets[4], 1, effort=3)
    said[tickets[4]] = 3
    assert figures() == {(5, round(sum(said.values()) / len(said), 2))}


def test_f7_how_easy_it_was_stays_when_a_person_is_erased(database: Database) -> None:
    ticket = record(database, closed(life()))
    rate(database, ticket, 2, "Call Ann.", effort=3)
    assert survey.read(database, ticket).effort == 3
    with database.begin() as session:
        erasure.erase(session, ticket, at=CLOSED + 2 * DAY, actor="ada", reason="asked", scope="ticket")
    assert survey.scores(database, "all", 28, CLOSED + 2 * DAY).all.efforts == 1, "as the score, no personal data"


def test_f7_scores_are_counted_by_the_hour_in_which_tickets_were_opened_in_the_zone_of_their_support_hours(
    database: Database,
) -> None:
    """Berlin changes to summer time on 29 March 2026: from then on, 6:30 UTC is half past eight there."""
    before, after = datetime(2026, 3, 23, 6, 30, tzinfo=UTC), datetime(2026, 3, 30, 6, 30, tzinfo=UTC)
    opened = {"1": (before, 5), "2": (before + timedelta(minutes=29), 2), "3": (after, 4), "4": (after - 8 * HOUR, 1)}
    for name, (at, csat) in opened.items():
        one = closed(life(name, at=at))
        rate(database, record(database, one), csat, at=one.ticket.as_of + HOUR)
    found = survey.scores(database, "hour", 28, after + 5 * DAY)
    assert [(one.name, one.closed, one.satisfied, one.low, one.average) for one in found.scores] == [
        ("00:00", 1, 0, 1, 1.0), ("07:00", 2, 1, 1, 3.5), ("08:00", 1, 1, 0, 4.0),
    ]  # fmt: skip
    assert (found.all.closed, found.all.average) == (4, 3.0)


def test_f7_low_scores_wait_on_the_board_until_a_lead_has_said_what_follows(database: Database) -> None:
    ticket = record(database, closed(life()))
    rate(database, ticket, 2, "Nobody called back.")
    found = survey.satisfaction(database, CLOSED + 2 * DAY, "all")
    assert [(one.line.id, one.csat, one.since, one.comment) for one in found.low] == [
        (ticket, 2, CLOSED + DAY, "Nobody called back.")
    ]
    assert [one.comment for one in found.comments] == ["Nobody called back."]
    command_closed(database, ticket, c.Attend(by="lea", role=Role.LEAD, text="Called."), CLOSED + 2 * DAY)
    assert survey.satisfaction(database, CLOSED + 2 * DAY, "all").low_tickets == 0


def test_f7_the_last_comment_counts_and_erasure_reaches_it(database: Database) -> None:
    ticket = record(database, closed(life()))
    rate(database, ticket, 2, "First.")
    rate(database, ticket, 3, "Call Ann.", at=CLOSED + DAY + timedelta(minutes=1))
    now = CLOSED + 2 * DAY
    assert survey.read(database, ticket).comment == "Call Ann."
    assert [one.comment for one in survey.satisfaction(database, now, "all").comments] == ["Call Ann."]
    with database.begin() as session:
        erasure.erase(session, ticket, at=now, actor="ada", reason="asked", scope="ticket")
        assert surveys.comments(session, CLOSED, 10) == []
        found = surveys.answered(session, ticket)
        assert found is not None
        assert (found.csat, found.comment, found.erased) == (3, "", True)
        assert not any(text for text in journal.texts(session, ticket).values())
    assert survey.scores(database, "all", 28, now).all.rated == 1, "the score is no personal data, and stays"
    assert datetime.now(UTC) > now
