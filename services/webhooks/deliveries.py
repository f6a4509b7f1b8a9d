"""What other systems send us: verified, stored before it is acted on, and acted on once and in order.

A source is a `Hook`: it knows the sender's signature and words, and what a delivery leads to. Everything else, which
is the same for all of them, is here: the inbox, repeats, retries, order.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from temporalio.service import RPCError

from activities.support.ops_alerts import OpsAlerts
from activities.support.signalling import NotRunning
from domain.core.actor import Actor
from domain.core.enums import Role
from domain.core.failures import Unavailable
from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant
from integrations.calls import Failure
from integrations.standard_webhooks import usual_names
from integrations.tracing import port as tracing
from services.log_context import about
from services.retries import BackOff
from services.webhooks.json_body import NotReadable, check
from store import inbox, refusals
from store.database import Database, DatabaseDown
from store.tables.integrations import InboxRow

log = logging.getLogger("tierline.deliveries")

LEASE = timedelta(seconds=60)
"""How long a delivery is with whoever took it: if they died, it is the next one's after this."""
PATIENCE = 40.0
"""Seconds that acting on one may take: less than the lease, so that no two act on it at once."""
FIRST_RETRY = timedelta(seconds=1)
LONGEST_RETRY = timedelta(minutes=10)
AT_ONCE = 10
"""How many deliveries of one source are acted on at once. Each source has its own, so that one whose deliveries hang
holds up no other."""
BUG_TRIES = 10
"""How often a delivery is tried at which code of ours fails, in some eight minutes. Then it is set aside."""
IDLE = 2.0
"""Seconds between two looks when nobody says that something came."""


class Unverified(Exception):
    """The delivery is not proven to come from its source, or not proven to be fresh. One line, without its content."""


class Unreadable(Exception):
    """The delivery comes from its source, and says nothing that we understand. One line, without its content."""


class Later(Exception):
    """What a delivery needs is not there yet: it is looked for again."""


class Delivery(Frozen):
    """One thing that a source said."""

    id: str
    """The source's own id of it: a repeat has the same."""
    about: str = ""
    """What it concerns, as in an issue's key: deliveries about the same thing are acted on in order."""
    payload: dict[str, Any] = {}
    """As little as is needed to act: it is stored."""
    ticket: str | None = None
    """The ticket that it belongs to, where that is known: erasing that ticket's person erases the delivery."""
    received: Instant | None = None
    """When it reached us; known once it is stored."""


class Received(NamedTuple):
    """What a request brought."""

    new: int
    """How much of it was new: 0 for a repeat, and for what is nothing to us."""
    ticket: str | None
    """The ticket that it is about, where that is known before anything is done about it."""


class Hook(Protocol):
    """One source of deliveries."""

    name: str
    """Names the source in the inbox and in the address, as in `/webhooks/jira`."""
    proof: Sequence[str]
    """Headers, in lower case, without which nothing is proven: looked at before the body is read."""
    longest: int
    """Bytes that a body may have."""

    def accept(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Sequence[Delivery]:
        """Return what a request says; empty if it is nothing to us, or our own echo. Header names are in lower case.

        Calls nothing outside. Raises Unverified, Unreadable.
        """

    async def act(self, delivery: Delivery) -> str | None:
        """Do what a delivery leads to. Returns the ticket that it was about, where one is known by now.

        May be called again for the same delivery: what it does has a key. Raises Refused where it leads to nothing and
        never will (it is audited, and not tried again); anything else that it raises is tried again later.
        """


class Deliveries:
    """The way in for what other systems send."""

    def __init__(
        self,
        db: Database,
        hooks: Sequence[Hook],
        ops: OpsAlerts | None = None,
        *,
        lease: timedelta = LEASE,
        first_retry: timedelta = FIRST_RETRY,
        idle: float = IDLE,
    ) -> None:
        """`ops` are alerted to what was taken and then led to nothing, since its sender got another answer; and
        of what code of ours fails at."""
        self._db = db
        self._ops = ops
        self._hooks = {hook.name: hook for hook in hooks}
        self._lease = lease
        self._first_retry = first_retry
        self._idle = idle
        self._came = asyncio.Event()

    @property
    def sources(self) -> Sequence[str]:
        """Return the names of the sources that are set up."""
        return tuple(self._hooks)

    def expect(self, source: str, headers: Mapping[str, str]) -> int:
        """Look at a request before its body is read. Returns how many bytes the body may have.

        `headers` have names in lower case. Raises Refused (`not_found`: no such source), Unverified where a header is
        missing without which the body would be in vain.
        """
        hook, headers = self._hook(source), usual_names(headers)
        if missing := [name for name in hook.proof if not headers.get(name)]:
            raise Unverified(f"without {' and '.join(missing)}, nothing proves who sent it")
        return hook.longest

    async def receive(self, source: str, headers: Mapping[str, str], body: bytes) -> Received:
        """Store what a request says, before anything is done about it.

        `headers` have names in lower case. Raises Refused (`not_found`: no such source), Unverified, Unreadable,
        DatabaseDown.
        """
        hook, headers = self._hook(source), usual_names(headers)
        now = self._db.clock.now()
        deliveries = _storable(hook.accept(headers, body, now))
        new = await asyncio.to_thread(self._keep, source, deliveries, now) if deliveries else 0
        if new:
            self._came.set()
        return Received(new, next((one.ticket for one in deliveries if one.ticket), None))

    def _hook(self, source: str) -> Hook:
        hook = self._hooks.get(source)
        if hook is None:
            raise Refused("not_found", f"nothing is received from {source[:40]!r} here")
        return hook

    def _keep(self, source: str, deliveries: Sequence[Delivery], now: datetime) -> int:
        trace = tracing.here()
        with self._db.begin() as session:
            numbers = [
                inbox.keep(
                    session, source, one.id, one.payload, now, about=one.about, ticket_id=one.ticket, trace=trace
                )
                for one in deliveries
            ]
        return sum(number is not None for number in numbers)

    async def run(self) -> None:
        """Act on what comes, for ever: at once on what this process received, soon on what another one left over."""
        while True:
            self._came.clear()
            try:
                await self.work()
            except DatabaseDown as error:
                log.warning("deliveries wait: %s", error)
            except Exception:  # a bug of ours; whoever died with a delivery, it is tried again
                log.exception("deliveries wait")
            try:
                async with asyncio.timeout(self._idle):
                    await self._came.wait()
            except TimeoutError:
                continue

    async def work(self) -> int:
        """Act on all that waits and is due, in order. Safe to run in many places at once. Returns how many it were.

        What fails is tried again later, as long as it takes, and only what concerns the same thing waits for it. At
        what our own code fails, that is some minutes: then it is set aside, and nothing waits for it. What hangs holds
        up nothing that is about something else, nor what comes meanwhile. Raises DatabaseDown.
        """
        done, acting = 0, dict[asyncio.Task[None], str]()
        try:
            while True:
                self._came.clear()
                more = True
                while more:
                    rows, more = await asyncio.to_thread(self._claim, Counter(acting.values()))
                    acting |= {asyncio.create_task(self._act(row)): row.source for row in rows}
                    done += len(rows)
                if not acting:
                    return done
                ended = await self._one_ends(acting)
                for task in ended:
                    del acting[task]
                    task.result()
        finally:
            for task in acting:
                task.cancel()
            await asyncio.gather(*acting, return_exceptions=True)

    async def _one_ends(self, acting: Collection[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        """Wait until one of them is done, or something new may wait. Returns those that are done."""
        came = asyncio.create_task(self._came.wait())
        try:
            ended, _ = await asyncio.wait({*acting, came}, timeout=self._idle, return_when=asyncio.FIRST_COMPLETED)
        finally:
            came.cancel()
        return {task for task in acting if task in ended}

    def _claim(self, acting: Mapping[str, int]) -> tuple[Sequence[InboxRow], bool]:
        """Claim deliveries of the sources that are not at their bound, as many as fit all of these. Return them, and
        whether more may be due."""
        free = {source: AT_ONCE - acting.get(source, 0) for source in self.sources if acting.get(source, 0) < AT_ONCE}
        if not free:
            return [], False
        with self._db.begin() as session:
            limit = min(free.values())
            rows = inbox.claim(session, tuple(free), datetime.now(UTC), self._lease, limit)
            return rows, len(rows) == limit

    async def _act(self, row: InboxRow) -> None:
        """Act on one delivery. If the process dies here, another one acts on the delivery once the lease is over."""
        what: dict[str, str | int] = {"tierline.source": row.source, "tierline.delivery": row.id}
        with (
            about(source=row.source, delivery=row.id, ticket=row.ticket_id),
            tracing.span(f"Act on a delivery of {row.source}", "consumer", what, parent=row.trace) as span,
        ):
            await self._act_on(row, span)

    async def _act_on(self, row: InboxRow, span: tracing.Span) -> None:
        delivery = Delivery(
            id=row.delivery_id, about=row.about, payload=row.payload, ticket=row.ticket_id, received=row.received
        )
        try:
            async with asyncio.timeout(min(PATIENCE, self._lease.total_seconds())):
                ticket = await self._hooks[row.source].act(delivery)
        except Refused as refused:
            span.fail(refused.code)
            await asyncio.to_thread(self._give_up, row, refused)
        except Exception as error:  # a bug as well: it heals when corrected code runs
            span.fail(type(error).__name__)
            await asyncio.to_thread(self._postpone, row, error)
        else:
            await asyncio.to_thread(self._done, row, ticket)

    def _done(self, row: InboxRow, ticket: str | None) -> None:
        with self._db.begin() as session:
            inbox.QUEUE.done(session, row.id, datetime.now(UTC), **({"ticket_id": ticket} if ticket else {}))

    def _give_up(self, row: InboxRow, refused: Refused) -> None:
        """Give up a delivery that can never lead to anything. It goes on record without its content, and ops are
        alerted, of each source and reason once in an hour."""
        now = datetime.now(UTC)
        with self._db.begin() as session:
            inbox.QUEUE.done(session, row.id, now, error=refused.code)
            refusals.refuse(
                session,
                refused,
                at=now,
                ticket_id=row.ticket_id,
                command=f"webhook {row.source}",
                actor=Actor(id=row.source, role=Role.INTEGRATION),
                channel="webhook",
            )
            if self._ops:
                message = (
                    f"Webhook {row.source}: what was taken is refused now ({refused.code}), lately for "
                    f"{row.ticket_id or 'no ticket'}. `tierline deliveries` lists them; nobody sends them again"
                )
                self._ops.alert(session, f"refused:{row.source}:{refused.code}:{now:%Y-%m-%dT%H}", message)

    def _postpone(self, row: InboxRow, error: Exception) -> None:
        name = f"{'' if isinstance(error, _EXPECTED) else inbox.BUG}{type(error).__name__}"
        if name.startswith(inbox.BUG) and row.attempts >= BUG_TRIES:
            self._set_aside(row, name)
            return
        pause = BackOff(self._first_retry, LONGEST_RETRY).pause(row.attempts)
        log.warning(
            "delivery %d of %s failed (%s), attempt %d: again in %s",
            *(row.id, row.source, name, row.attempts, pause),
        )
        with self._db.begin() as session:
            inbox.QUEUE.postpone(session, row, datetime.now(UTC) + pause, name)

    def _set_aside(self, row: InboxRow, name: str) -> None:
        """Set aside a delivery at which our own code fails: it holds up no other, and waits until somebody releases
        it."""
        log.error("delivery %d of %s is set aside after %d tries (%s)", row.id, row.source, row.attempts, name)
        with self._db.begin() as session:
            inbox.stop(session, row, name, datetime.now(UTC))
            if self._ops:
                message = (
                    f"delivery {row.id} of {row.source} is set aside: our own code fails at it ({name}). Once that is "
                    f"mended: tierline deliveries retry {row.id}"
                )
                self._ops.alert(session, f"inbox:{row.id}:{row.received:%Y%m%dT%H%M%S}", message)


_EXPECTED = (Failure, RPCError, DatabaseDown, TimeoutError, OSError, Later, NotRunning, Unavailable)
"""What does not work for a time, without a fault in our code."""


def _storable(deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
    """Return the deliveries, if they can be stored, whoever understood them. Raises Unreadable."""
    try:
        check([[one.id, one.about, one.payload] for one in deliveries])
    except NotReadable as error:
        raise Unreadable(str(error)) from None
    return deliveries
