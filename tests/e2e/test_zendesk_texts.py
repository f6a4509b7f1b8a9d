"""Texts that come from Zendesk: the whole is kept, quoted history is not read, and machines move nothing (C17, G11)."""

import pytest

from domain.core.enums import Priority, Status
from integrations.standins.zendesk_state import AGENT
from store import journal, kept_texts
from tests.support.helpdesk import Helpdesk

pytestmark = pytest.mark.long

LOG = f"Export fails.\n{'x' * 40_000}\nKeyError: currency"


async def test_a_long_log_is_kept_whole_in_an_opening_and_in_what_is_written_later(helpdesk: Helpdesk) -> None:
    number = helpdesk.zendesk.act(comment=LOG, subject="Export")
    helpdesk.zendesk.act(ticket=number, by=AGENT, comment=f"Yours: {LOG}")
    helpdesk.zendesk.act(ticket=number, comment=f"Again: {LOG}")
    await helpdesk.bring()
    await helpdesk.caught_up(number, "replied")
    ticket = helpdesk.ticket(number)
    with helpdesk.db.session() as session:
        said = journal.texts(session, ticket.id)
        kept = {kept_texts.find(session, ticket.id, one.id) for one in kept_texts.kept(session, ticket.id)}
    assert kept == {LOG, f"Yours: {LOG}", f"Again: {LOG}"}
    long = [text for text in said.values() if "characters are left out here" in text]
    assert len(long) == 3
    assert all(text.endswith("KeyError: currency") for text in long)


async def test_quoted_history_is_not_read_and_an_absence_ends_no_waiting(helpdesk: Helpdesk) -> None:
    history = "On Mon, 2 Nov 2026, Support wrote:\n> You wrote: production is down.\n"
    number = helpdesk.zendesk.act(comment=f"Thanks, all fine again.\n\n{history}", subject="Re: Invoice")
    helpdesk.zendesk.act(ticket=number, by=AGENT, comment="Which invoice?", status="pending")
    helpdesk.zendesk.act(ticket=number, comment="Automatic reply: I am out of the office until 7 December.")
    await helpdesk.bring()
    await helpdesk.caught_up(number, "automatic_reply")
    ticket = helpdesk.ticket(number)
    assert (ticket.priority, ticket.status) == (Priority.P3, Status.PENDING)
