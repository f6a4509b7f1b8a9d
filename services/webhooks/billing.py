"""Credits (F2) and refunds (F6) to billing, as signed webhooks (Standard Webhooks): each under an id of its own, the
same on every try, and with the same body. Billing drops the ids that it has seen."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import Field, SecretStr
from sqlalchemy.orm import Session

from domain.core.values import Frozen
from domain.credits.credit import Credit, CreditState
from integrations.calls import Endpoint, post
from integrations.standard_webhooks import headers_for, signing_key
from services.webhooks.sink import now_utc
from services.webhooks.subscribers import Hopeless
from store import credits, refunds
from store.billing import BILLING, GRANT, TAKE_BACK
from store.database import Database
from store.refunds import RefundLine
from store.tables.integrations import WebhookRow
from store.webhook_outbox import Destination


class Billing(Frozen):
    """Where billing takes credits, as the settings name it."""

    url: Endpoint
    secret: SecretStr
    connect_timeout: float = Field(default=3.05, gt=0, le=30)
    read_timeout: float = Field(default=10.0, gt=0, le=30)


class BillingOut:
    """Implements `Sink` for billing. `now` returns the time of sending, which the signature covers."""

    destination = Destination(name=BILLING, events=())

    def __init__(self, db: Database, billing: Billing, now: Callable[[], datetime] = now_utc) -> None:
        """Check the secret. Raises ValueError for one that is none."""
        signing_key(billing.secret)
        self._db = db
        self._billing = billing
        self._now = now

    def send(self, row: WebhookRow) -> None:
        with self._db.session() as session:
            said = _refund(session, row) if row.ticket_id.startswith(refunds.PREFIX) else _credit(session, row)
        if said is None:
            raise Hopeless("the ledger does not have it")
        to = self._billing
        body = json.dumps(said, sort_keys=True).encode()
        name = f"{row.ticket_id}.{row.epoch}.{row.seq}"
        headers = {"Content-Type": "application/json"} | headers_for(to.secret, name, self._now(), body)
        post("Billing", to.url, body, headers, (to.connect_timeout, to.read_timeout))


_STATES = {GRANT: CreditState.APPROVED, TAKE_BACK: CreditState.REVERSED}


def _credit(session: Session, row: WebhookRow) -> dict[str, Any] | None:
    credit = credits.find(session, row.ticket_id)
    at = credits.since(session, row.ticket_id, _STATES[row.seq])
    return payload(credit, row.seq, at) if credit and at else None


def _refund(session: Session, row: WebhookRow) -> dict[str, Any] | None:
    refund = refunds.find(session, row.ticket_id)
    at = refund and (refund.decided_at if row.seq == GRANT else refund.reversed_at)
    return refund_payload(refund, row.seq, at) if refund and at else None


def refund_payload(refund: RefundLine, step: int, at: datetime) -> dict[str, Any]:
    """Return the body of a webhook about a refund. What may change after the first try is not in it."""
    data = {
        "refund": refund.billing_id,
        "ticket": refund.ticket,
        "account": refund.account,
        "amount": f"{refund.amount:f}",
        "currency": refund.currency,
        "reason": refund.reason,
        "requested_by": refund.requested_by,
        "approved_by": refund.decided_by,
    }
    return {
        "type": "refund.approved" if step == GRANT else "refund.reversed",
        "timestamp": at.isoformat(),
        "data": data,
    }


def payload(credit: Credit, step: int, at: datetime) -> dict[str, Any]:
    """Return the body of a webhook about a credit: amounts are decimal, as text. What may change after the first try is
    not in it."""
    data: dict[str, Any] = {
        "credit": credit.id,
        "account": credit.account,
        "month": credit.month,
        "metric": credit.metric.value,
        "problem": credit.problem,
        "percent": f"{credit.granted:f}",
        "amount": None if credit.amount is None else f"{credit.amount:f}",
        "approved_by": credit.approved_by,
    }
    if step != GRANT:
        data |= {"reversed_by": credit.ended_by, "reason": credit.reason}
    return {
        "type": "credit.approved" if step == GRANT else "credit.reversed",
        "timestamp": at.isoformat(),
        "data": data,
    }
