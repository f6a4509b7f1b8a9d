"""What billing is told of (F2, F6): written in the transaction of the decision, sent by the webhook relay, each once.

A row of the webhook outbox stands for it, under the destination `billing`: the id of what it is about in the place of a
ticket's, and its step in the place of an event's sequence. A step is sent after the one before it was answered.
"""

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from store.database import PLAIN
from store.tables.integrations import SubscriptionRow, WebhookRow

BILLING = "billing"
"""The destination."""
GRANT, TAKE_BACK = 1, 2
"""The steps: it is to be paid; it is to be taken back."""


def hand_over(session: Session, about: str, step: int) -> bool:
    """Have billing told of a step, once. Returns False where the relay's settings name no billing."""
    active = select(SubscriptionRow.active).where(SubscriptionRow.name == BILLING)
    if not session.scalar(active):
        return False
    row = insert(WebhookRow).values(destination=BILLING, ticket_id=about, epoch=1, seq=step)
    session.execute(row.on_conflict_do_nothing(index_elements=["destination", "ticket_id", "epoch", "seq"]))
    return True


def was_begun(session: Session, about: str) -> bool:
    """Return whether billing has been sent the first step, or may have been. Until the transaction ends, nobody begins
    to send it."""
    row = session.execute(
        select(WebhookRow.attempts, WebhookRow.state).where(*_of(about), WebhookRow.seq == GRANT).with_for_update()
    ).one_or_none()
    return row is not None and (row.attempts > 0 or row.state != "pending")


def call_back(session: Session, about: str) -> None:
    """Cancel what has not been sent yet. `was_begun` has said so in this transaction."""
    waiting = (*_of(about), WebhookRow.state == "pending", WebhookRow.attempts == 0)
    session.execute(delete(WebhookRow).where(*waiting), execution_options=PLAIN)


def send_again(session: Session, about: str) -> None:
    """Try again what was given up. The id under which it is sent stays."""
    failed = (*_of(about), WebhookRow.state == "failed")
    values = {"state": "pending", "attempts": 1, "not_before": None}
    session.execute(update(WebhookRow).where(*failed).values(values), execution_options=PLAIN)


def _of(about: str) -> tuple[ColumnElement[bool], ...]:
    return WebhookRow.destination == BILLING, WebhookRow.ticket_id == about
