"""Jira's webhooks: an issue may have changed. Only its number is taken; `JiraNewsWorkflow` reads the issue itself."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from pydantic import SecretStr
from temporalio.client import Client

from integrations.calls import Failure
from integrations.jira import webhook
from services.webhooks.deliveries import Delivery, Unreadable, Unverified
from store import tracker_watch
from store.database import Database
from workflows import ports
from workflows.tracker.news import ID, IssueNewsWorkflow

log = logging.getLogger("tierline.jira_hook")


class JiraHook:
    """Implements `Hook`. What it overlooks, because we did it ourselves at the same time, the sweep finds."""

    name = "jira"
    proof: Sequence[str] = (webhook.SIGNATURE,)
    longest = webhook.BODY_LIMIT

    def __init__(self, client: Client, db: Database, secrets: Sequence[SecretStr], account: Callable[[], str]) -> None:
        """Any of `secrets` may have signed. `account` asks Jira for our own account id: once, after the first
        delivery."""
        self._client = client
        self._db = db
        self._secrets = secrets
        self._ask_account = account
        self._ours: str | None = None

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Sequence[Delivery]:
        try:
            hint = webhook.hint(self._secrets, headers, body, now)
        except webhook.BadSignature as error:
            raise Unverified(str(error)) from None
        except webhook.NotUnderstood as error:
            raise Unreadable(str(error)) from None
        if hint is None or (hint.by and hint.by == self._ours):
            return []
        payload = {"event": hint.event, "issue": hint.issue, "key": hint.key}
        return [Delivery(id=hint.id, about=hint.issue, payload=payload)]

    async def act(self, delivery: Delivery) -> str | None:
        """Have the issue looked at, if tickets wait for it; by the name that we know it by."""
        payload = delivery.payload
        links = await asyncio.to_thread(self._links, (payload["issue"], payload["key"]))
        if not links:
            return None
        await self._client.start_workflow(
            IssueNewsWorkflow.run,
            id=ID,
            task_queue=ports.TICKETS,
            start_signal="issue_changed",
            start_signal_args=[links[0].issue],
            static_summary="Issues that Jira said have changed",
        )
        if self._ours is None:
            await asyncio.to_thread(self._learn_account)
        return links[0].ticket_id if len(links) == 1 else None

    def _links(self, issues: Sequence[str]) -> list[tracker_watch.Link]:
        with self._db.session() as session:
            return tracker_watch.of_issues(session, issues)

    def _learn_account(self) -> None:
        """Ask Jira for our own account id, once. Until it is known, an echo of ours costs one look at an issue, and no
        more."""
        try:
            self._ours = self._ask_account()
        except Failure as error:
            log.info("our own account is not known yet: %s", error)
