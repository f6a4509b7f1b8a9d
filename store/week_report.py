"""What the report of a week counts, from the records and moments of tickets (F3): by indexes, and no event is read.

Stretches of time are given by their edges, in order: what lies between two edges is one stretch, numbered from 0. A
ticket that was discarded never was one (G13).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

Edges = Sequence[datetime]

_BUCKET = "width_bucket({at}, CAST(:edges AS timestamptz[])) - 1"
_OPENED = """
    FROM ticket_records r WHERE NOT discarded AND opened_at >= :first AND opened_at < :last
"""
_OF_MOMENTS = """
    FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
    WHERE m.kind = :kind AND m.at >= :first AND m.at < :last AND NOT r.discarded
"""


def _asked(statement: str, at: str = "") -> TextClause:
    return text(statement.replace("{bucket}", _BUCKET.format(at=at)))


def _known(edges: Edges, **more: Any) -> dict[str, Any]:
    return {"edges": list(edges), "first": edges[0], "last": edges[-1]} | more


def _by_stretch(rows: Iterable[Any], stretches: int) -> dict[str, list[int]]:
    """Return how many there are of each name, stretch by stretch, of rows of name, stretch and count."""
    found: dict[str, list[int]] = defaultdict(lambda: [0] * stretches)
    for name, stretch, count in rows:
        found[name][stretch] += count
    return dict(found)


# -- Volume --------------------------------------------------------------------------------------------------


def opened(session: Session, edges: Edges) -> list[int]:
    """Count the tickets that opened, stretch by stretch."""
    statement = _asked(f"SELECT '', {{bucket}}, count(*) {_OPENED} GROUP BY 2", "opened_at")
    rows = session.execute(statement, _known(edges))
    return _by_stretch(rows, len(edges) - 1).get("", [0] * (len(edges) - 1))


def ended(session: Session, edges: Edges) -> list[int]:
    """Count the tickets that were resolved, or closed without, and are over; stretch by stretch."""
    statement = _asked(
        "SELECT '', {bucket}, count(*) FROM ticket_records WHERE NOT discarded AND ended_at IS NOT NULL "
        "AND ended_at >= :first AND ended_at < :last GROUP BY 2",
        "ended_at",
    )
    rows = session.execute(statement, _known(edges))
    return _by_stretch(rows, len(edges) - 1).get("", [0] * (len(edges) - 1))


def active_at(session: Session, at: datetime) -> int:
    """Count the tickets that were active then: those of now, without what has come since, with what has ended since."""
    return int(session.execute(_ACTIVE_AT, {"at": at}).scalar_one())


_ACTIVE_AT = text("""
    SELECT (SELECT count(*) FROM ticket_records WHERE NOT discarded AND ended_at IS NULL)
        - (SELECT count(*) FROM ticket_records WHERE NOT discarded AND opened_at >= :at)
        + (SELECT count(*) FROM ticket_records WHERE NOT discarded AND ended_at IS NOT NULL AND ended_at >= :at)
""")

COUNTED_BY = ("plan", "priority", "category", "area", "channel", "language", "cause")
"""What tickets that open are counted by."""


def opened_by(session: Session, edges: Edges) -> dict[str, dict[str, list[int]]]:
    """Count the tickets that opened by each of `COUNTED_BY`: by, name, and figures stretch by stretch."""
    sets = ", ".join(f"(stretch, {name})" for name in COUNTED_BY)
    which = ", ".join(f"GROUPING({name})" for name in COUNTED_BY)
    columns = ", ".join(COUNTED_BY)
    statement = _asked(
        f"SELECT stretch, {columns}, {which}, count(*) FROM (SELECT {{bucket}} AS stretch, {columns} {_OPENED}) AS o "
        f"GROUP BY GROUPING SETS ({sets})",
        "opened_at",
    )
    found: dict[str, dict[str, list[int]]] = {name: defaultdict(lambda: [0] * (len(edges) - 1)) for name in COUNTED_BY}
    width = len(COUNTED_BY)
    for stretch, *row in session.execute(statement, _known(edges)):
        place = row[width : 2 * width].index(0)
        found[COUNTED_BY[place]][row[place]][stretch] += row[-1]
    return {name: dict(of) for name, of in found.items()}


def moments(session: Session, kind: str, edges: Edges) -> dict[str, list[int]]:
    """Count the moments of a kind by their status, stretch by stretch."""
    statement = _asked(f"SELECT m.status, {{bucket}}, count(*) {_OF_MOMENTS} GROUP BY 1, 2", "m.at")
    return _by_stretch(session.execute(statement, _known(edges, kind=kind)), len(edges) - 1)


def not_recorded(session: Session, first: datetime, last: datetime) -> int:
    """Count the tickets that opened from `first` until `last` and have no record yet: they are from before."""
    return int(session.execute(_NOT_RECORDED, {"first": first, "last": last}).scalar_one())


_NOT_RECORDED = text("""
    SELECT count(*) FROM tickets t WHERE opened_at >= :first AND opened_at < :last
        AND NOT EXISTS (SELECT FROM ticket_records r WHERE r.ticket_id = t.id)
""")


# -- Clocks --------------------------------------------------------------------------------------------------


class ClockRow(NamedTuple):
    """Clocks that were kept or missed in a stretch, with plan and priority as they were then."""

    stretch: int
    side: str
    metric: str
    plan: str
    priority: str
    status: str
    """`kept`, `upheld`, `withdrawn` or `waived`."""
    clocks: int


def clocks(session: Session, edges: Edges) -> list[ClockRow]:
    """Count what became of clocks, by when they were met or fell."""
    return [ClockRow(*row) for row in session.execute(_CLOCKS, _known(edges))]


_CLOCKS = _asked(
    """
    SELECT {bucket}, m.side, m.metric, m.plan, m.priority, CASE m.kind WHEN 'kept' THEN 'kept' ELSE m.status END,
        count(*)
    FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
    WHERE m.kind IN ('kept', 'missed') AND m.at >= :first AND m.at < :last AND NOT r.discarded
    GROUP BY 1, 2, 3, 4, 5, 6
    """,
    "m.at",
)


# -- What repeats --------------------------------------------------------------------------------------------


class Group(NamedTuple):
    """Tickets of one stretch that are alike."""

    names: tuple[str, ...]
    tickets: int
    before: int
    """In the stretches before it, all together."""
    accounts: int
    arr: Decimal
    """Of those accounts whose revenue is known, each once."""
    arr_unknown: int
    """Accounts whose revenue is not known."""
    examples: list[str]
    """The newest of them."""
    article: str
    """An article that the resolution of one of them names."""


_GROUPS = """
    WITH these AS (
        SELECT ticket_id, account, opened_at, article, opened_at >= :from AS now, {names}
        FROM ticket_records WHERE NOT discarded AND opened_at >= :first AND opened_at < :last AND {where}
    ), counted AS (
        SELECT {names}, count(*) FILTER (WHERE now) AS tickets, count(*) FILTER (WHERE NOT now) AS before,
            (array_agg(ticket_id ORDER BY opened_at DESC, ticket_id) FILTER (WHERE now))[1:3] AS examples,
            max(article) AS article
        FROM these GROUP BY {names} HAVING count(*) FILTER (WHERE now) >= :least
        ORDER BY 3 DESC LIMIT :limit
    ), whose AS (SELECT DISTINCT {names}, account FROM these WHERE now), paid AS (
        SELECT {names}, count(*) AS accounts, coalesce(sum(arr), 0) AS arr,
            count(*) FILTER (WHERE arr IS NULL) AS unknown
        FROM whose LEFT JOIN accounts ON accounts.id = whose.account GROUP BY {names}
    )
    SELECT {counted}, tickets, before, accounts, arr, unknown, examples, article
    FROM counted JOIN paid USING ({names}) ORDER BY tickets DESC, arr DESC, {counted} LIMIT :limit
"""


def _groups(session: Session, names: Sequence[str], where: str, edges: Edges, least: int, limit: int) -> list[Group]:
    listed = ", ".join(names)
    statement = _GROUPS.format(names=listed, where=where, counted=", ".join(f"counted.{name}" for name in names))
    statement = statement.replace("ORDER BY 3 DESC", "ORDER BY count(*) FILTER (WHERE now) DESC")
    rows = session.execute(text(statement), {
        "first": edges[0], "from": edges[-2], "last": edges[-1], "least": least, "limit": limit,
    })  # fmt: skip
    wide = len(names)
    return [Group(tuple(row[:wide]), *row[wide:]) for row in rows]


def clusters(session: Session, edges: Edges, *, least: int, limit: int) -> list[Group]:
    """Return the tickets of the last stretch by area, category and cause, those with most tickets first."""
    return _groups(session, ("area", "category", "cause"), "true", edges, least, limit)


def errors(session: Session, edges: Edges, *, limit: int) -> list[Group]:
    """Return the tickets of the last stretch that show an error, by its fingerprint. `article` is one that a ticket
    with it ever named."""
    found = _groups(session, ("error", "area"), "error <> ''", edges, 1, limit)
    rows = session.execute(_ARTICLES, {"errors": [one.names[0] for one in found]})
    articles = {row[0]: row[1] for row in rows}
    return [one._replace(article=articles.get(one.names[0], "")) for one in found]


_ARTICLES = text("""
    SELECT error, max(article) FROM ticket_records WHERE error = ANY(:errors) AND error <> '' AND article <> ''
    GROUP BY error
""")


class Repeat(NamedTuple):
    """An account that came with the same again."""

    account: str
    tickets: int
    before: int
    same: int
    """The most of its tickets that share area and category."""
    arr: Decimal | None


def repeats(session: Session, edges: Edges, *, limit: int) -> list[Repeat]:
    """Return the accounts with more than one ticket of one area and category in the last stretch."""
    rows = session.execute(_REPEATS, {"first": edges[0], "from": edges[-2], "last": edges[-1], "limit": limit})
    return [Repeat(*row) for row in rows]


_REPEATS = text("""
    WITH these AS (
        SELECT account, area, category, count(*) FILTER (WHERE opened_at >= :from) AS now,
            count(*) FILTER (WHERE opened_at < :from) AS before
        FROM ticket_records WHERE NOT discarded AND opened_at >= :first AND opened_at < :last
        GROUP BY account, area, category
    )
    SELECT account, sum(now)::int, sum(before)::int, max(now)::int, max(accounts.arr)
    FROM these LEFT JOIN accounts ON accounts.id = these.account
    GROUP BY account HAVING max(now) > 1 ORDER BY max(now) DESC, sum(now) DESC, account LIMIT :limit
""")


# -- Tiers ---------------------------------------------------------------------------------------------------


class HandedBack(NamedTuple):
    """Why tickets were handed back (G8)."""

    reason: str
    """As it was typed the last time; empty where it was erased."""
    frm: str
    to: str
    now: int
    before: int
    ticket: str
    """The last of them."""


def handed_back(session: Session, edges: Edges, *, limit: int) -> list[HandedBack]:
    """Count the reasons of hand-backs in the last stretch, and in those before it. Reasons are the same if they differ
    in capitals and full stops only."""
    rows = session.execute(_HANDED_BACK, {"first": edges[0], "from": edges[-2], "last": edges[-1], "limit": limit})
    return [HandedBack(*row) for row in rows]


_HANDED_BACK = text(r"""
    WITH told AS (
        SELECT m.ticket_id, m.at, m.status AS frm, m.tier AS back_to, coalesce(left(texts.text, 300), '') AS reason
        FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
        LEFT JOIN ticket_events ev ON ev.ticket_id = m.ticket_id AND ev.seq = m.seq AND NOT ev.superseded
        LEFT JOIN texts ON texts.ticket_id = m.ticket_id AND texts.epoch = ev.epoch AND texts.seq = m.seq
            AND texts.name = 'reason'
        WHERE m.kind = 'returned' AND m.at >= :first AND m.at < :last AND NOT r.discarded
    )
    SELECT (array_agg(reason ORDER BY at DESC))[1], frm, back_to, count(*) FILTER (WHERE at >= :from),
        count(*) FILTER (WHERE at < :from), (array_agg(ticket_id ORDER BY at DESC))[1]
    FROM told GROUP BY lower(btrim(reason, E' .!\\n\\t')), frm, back_to
    HAVING count(*) FILTER (WHERE at >= :from) > 0
    ORDER BY 4 DESC, max(at) DESC LIMIT :limit
""")


class Spread(NamedTuple):
    """How long something took, in seconds on the wall."""

    name: str
    many: int
    median: float
    ninth: float
    """Nine of ten took no longer."""


def time_in_tiers(session: Session, first: datetime, last: datetime) -> list[Spread]:
    """Return how long tickets were in each tier that they left, or ended in, in a time."""
    return [Spread(*row) for row in session.execute(_IN_TIERS, {"first": first, "last": last})]


_TOOK = "extract(epoch FROM m.at - m.since)"
_QUANTILES = f"""
    count(*), percentile_cont(0.5) WITHIN GROUP (ORDER BY {_TOOK}), percentile_cont(0.9) WITHIN GROUP (ORDER BY {_TOOK})
"""
_IN_TIERS = text(f"""
    SELECT m.tier, {_QUANTILES} FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
    WHERE m.kind = 'stay' AND m.at >= :first AND m.at < :last AND NOT r.discarded GROUP BY 1 ORDER BY 1
""")


# -- Satisfaction, channels ----------------------------------------------------------------------------------


class Rated(NamedTuple):
    """Ratings of one figure."""

    stretch: int
    category: str
    channel: str
    figure: int
    many: int


def ratings(session: Session, edges: Edges) -> list[Rated]:
    """Count the ratings by category and channel."""
    return [Rated(*row) for row in session.execute(_RATINGS, _known(edges))]


_RATINGS = _asked(
    """
    SELECT {bucket}, r.category, r.channel, m.figure, count(*) FROM ticket_moments m
    JOIN ticket_records r USING (ticket_id)
    WHERE m.kind = 'rated' AND m.at >= :first AND m.at < :last AND NOT r.discarded GROUP BY 1, 2, 3, 4
    """,
    "m.at",
)


def handled(session: Session, first: datetime, last: datetime) -> list[Spread]:
    """Return by channel how long it was from the first take of a ticket until it was resolved, in a time, of those that
    have not come back."""
    return [Spread(*row) for row in session.execute(_HANDLED, {"first": first, "last": last})]


_HANDLED = text(f"""
    SELECT r.channel, {_QUANTILES} FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
    WHERE m.kind = 'resolved' AND m.status <> 'reopened' AND m.since IS NOT NULL AND m.at >= :first AND m.at < :last
        AND NOT r.discarded GROUP BY 1 ORDER BY 1
""")


def contacts(session: Session, first: datetime, last: datetime) -> dict[str, int]:
    """Count by channel how often customers wrote: openings and further messages."""
    rows = session.execute(_CONTACTS, {"first": first, "last": last})
    return {row[0]: row[1] for row in rows}


_CONTACTS = text("""
    SELECT r.channel, count(*) FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
    WHERE m.kind = 'wrote' AND m.at >= :first AND m.at < :last AND NOT r.discarded GROUP BY 1
""")


class Category(NamedTuple):
    """How fast, and how well: the tickets of a category that were resolved in a time."""

    category: str
    resolved: int
    with_article: int
    reopened: int
    first_response: float | None
    """The median from the opening to the first response, in seconds on the wall."""


def categories(session: Session, first: datetime, last: datetime) -> list[Category]:
    """Return speed and quality of the tickets that were resolved in a time, by category."""
    return [Category(*row) for row in session.execute(_CATEGORIES, {"first": first, "last": last})]


_CATEGORIES = text("""
    SELECT r.category, count(*) FILTER (WHERE m.status <> 'reopened'),
        count(*) FILTER (WHERE m.status <> 'reopened' AND r.article <> ''),
        count(*) FILTER (WHERE m.status = 'reopened'),
        percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM r.first_response - r.opened_at))
    FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
    WHERE m.kind = 'resolved' AND m.at >= :first AND m.at < :last AND NOT r.discarded GROUP BY 1 ORDER BY 2 DESC, 1
""")


class Replied(NamedTuple):
    """How a category was written to in a time: messages that the customer sees, and their lengths in characters."""

    category: str
    replies: int
    known: int
    """Of them, those whose length was looked up and whose words are still there."""
    median: float | None
    ninth: float | None
    """Nine of ten are no longer."""
    standard: int
    """Made of a template (F9)."""
    unchanged: int
    """Of these, sent as the template has it but for the sender's own line."""


def replies(session: Session, first: datetime, last: datetime) -> list[Replied]:
    """Return how long the replies of a time were, and how many of them were made of a template, by category.

    Lengths are of the newest MEASURED at most, all else is of all.
    """
    known = {"first": first, "last": last, "measured": MEASURED}
    return [Replied(*row) for row in session.execute(_REPLIES, known)]


MEASURED = 20_000
"""Replies of a time whose length is looked up, the newest: each is a look-up of its own among the texts."""
_REPLIES = text("""
    SELECT category, count(*), count(long), percentile_cont(0.5) WITHIN GROUP (ORDER BY long),
        percentile_cont(0.9) WITHIN GROUP (ORDER BY long), count(template),
        count(*) FILTER (WHERE template IS NOT NULL AND edited = 0)
    FROM (SELECT *, CASE WHEN place <= :measured THEN (SELECT nullif(length(t.text), 0) FROM texts t
                WHERE t.ticket_id = found.ticket_id AND t.epoch = found.epoch AND t.seq = found.seq AND t.name = 'text')
            END AS long
        FROM (SELECT ev.ticket_id, ev.epoch, ev.seq, r.category, ev.body ->> 'template' AS template,
                (ev.body ->> 'edited')::int AS edited,
                row_number() OVER (ORDER BY ev.at DESC, ev.ticket_id, ev.seq) AS place
            FROM ticket_events ev JOIN ticket_records r USING (ticket_id)
            WHERE ev.type = 'responded' AND ev.at >= :first AND ev.at < :last AND NOT ev.superseded AND NOT r.discarded
        ) AS found
        OFFSET 0) AS replied  -- so that each text is looked up once, and not for each figure
    GROUP BY 1 ORDER BY 2 DESC, 1
""")


# -- Work, hours -----------------------------------------------------------------------------


class Worked(NamedTuple):
    """A piece of work: a ticket in somebody's hand."""

    ticket: str
    channel: str
    plan: str
    priority: str
    team: str
    agent: str
    arrived: datetime
    taken: datetime
    ended: datetime
    account: str


def worked(session: Session, first: datetime, last: datetime, limit: int) -> list[Worked]:
    """Return the pieces of work that ended in a time, the newest so many, those of a ticket together."""
    rows = session.execute(_WORKED, {"first": first, "last": last, "limit": limit})
    return sorted((Worked(*row) for row in rows), key=lambda one: (one.ticket, one.taken, one.ended))


_WORKED = text("""
    SELECT m.ticket_id, r.channel, r.plan, m.priority, m.team, m.agent, m.since, m.taken, m.at, r.account
    FROM ticket_moments m JOIN ticket_records r USING (ticket_id)
    WHERE m.kind = 'worked' AND m.at >= :first AND m.at < :last ORDER BY m.at DESC LIMIT :limit
""")


class Hour(NamedTuple):
    """Tickets that opened in one hour of the week, by the clocks of a zone."""

    zone: str
    hour: int
    """0 is Monday from 0:00 to 1:00."""
    arrivals: int
    closed: int
    """Of them, those that came while support was closed."""
    waited: int
    """Seconds until it opened, of all of these together."""


def by_hour(session: Session, first: datetime, last: datetime) -> list[Hour]:
    """Count the tickets that opened in a time by zone and hour of the week."""
    return [Hour(*row) for row in session.execute(_BY_HOUR, {"first": first, "last": last})]


_BY_HOUR = text(f"""
    SELECT zone, hour, count(*), count(*) FILTER (WHERE wait_open > 0), coalesce(sum(wait_open), 0)
    {_OPENED} GROUP BY 1, 2
""")


class Closed(NamedTuple):
    """What came while support was closed, and what longer hours would have covered."""

    tickets: int
    accounts: int
    arr: Decimal
    within: dict[int, int]
    """Hours -> how many had come at most so long before support opened."""


HOURS = (1, 2, 4)
"""By how many hours earlier support might open."""


def while_closed(session: Session, first: datetime, last: datetime) -> Closed:
    """Count what came in a time while support was closed for it."""
    row = session.execute(_WHILE_CLOSED, {"first": first, "last": last}).one()
    return Closed(row[0], row[1], row[2], dict(zip(HOURS, row[3:], strict=True)))


_WHILE_CLOSED = text(f"""
    WITH these AS (SELECT account, wait_open {_OPENED} AND wait_open > 0), whose AS (SELECT DISTINCT account FROM these)
    SELECT (SELECT count(*) FROM these), (SELECT count(*) FROM whose),
        (SELECT coalesce(sum(arr), 0) FROM whose JOIN accounts ON accounts.id = whose.account),
        {", ".join(f"(SELECT count(*) FROM these WHERE wait_open <= {hours * 3600})" for hours in HOURS)}
""")


class Payers(NamedTuple):
    """The accounts of a plan."""

    plan: str
    accounts: int
    revenue: Decimal
    """A year, of those whose fee or yearly revenue is known."""
    unknown: int
    """Accounts of which neither is known."""


def payers(session: Session) -> list[Payers]:
    """Return what the accounts of each plan bring, as far as it is known now."""
    statement = text(
        "SELECT plan, count(*), coalesce(sum(coalesce(12 * fee, arr)), 0), count(*) - count(coalesce(fee, arr)) "
        "FROM accounts GROUP BY 1"
    )
    return [Payers(*row) for row in session.execute(statement)]


class Costly(NamedTuple):
    """What is known of an account beside the hours that it takes."""

    account: str
    revenue: Decimal | None
    """A year; None: neither its fee nor its yearly revenue is known."""
    credits: Decimal
    """Of breaches that fell in the time (F2)."""


def costly(session: Session, named: Sequence[str], first: datetime, last: datetime) -> list[Costly]:
    """Return the revenue and the credits of these accounts, and of those that were credited most in a time."""
    known = {"named": list(named), "first": first, "last": last, "limit": len(named) or 1}
    return [Costly(*row) for row in session.execute(_COSTLY, known)]


_COSTLY = text("""
    WITH owed AS (
        SELECT account, sum(amount) AS amount FROM credits
        WHERE state IN ('proposed', 'approved', 'applied') AND due >= :first AND due < :last AND amount IS NOT NULL
        GROUP BY 1
    ), whose AS (
        SELECT unnest(cast(:named AS text[])) AS account
        UNION (SELECT account FROM owed WHERE amount > 0 ORDER BY amount DESC, account LIMIT :limit)
    )
    SELECT whose.account, coalesce(12 * accounts.fee, accounts.arr), coalesce(owed.amount, 0)
    FROM whose LEFT JOIN owed USING (account) LEFT JOIN accounts ON accounts.id = whose.account
""")


def credited(session: Session, first: datetime, last: datetime) -> dict[str, Decimal]:
    """Return the credits of breaches that fell in a time, by the plan that their accounts have now (F2)."""
    statement = text(
        "SELECT a.plan, sum(c.amount) FROM credits c JOIN accounts a ON a.id = c.account "
        "WHERE c.state IN ('proposed', 'approved', 'applied') AND c.due >= :first AND c.due < :last "
        "AND c.amount IS NOT NULL GROUP BY 1"
    )
    return dict(session.execute(statement, {"first": first, "last": last}).all())


def customers(session: Session) -> int:
    """Count the accounts that are known."""
    return int(session.execute(text("SELECT count(*) FROM accounts")).scalar_one())


def agents(session: Session, first: datetime, last: datetime) -> int:
    """Count the people who had a ticket in hand in a time. Nobody is named."""
    statement = text(
        "SELECT count(DISTINCT agent) FROM ticket_moments WHERE kind = 'worked' AND at >= :first AND at < :last"
    )
    return int(session.execute(statement, {"first": first, "last": last}).scalar_one())


def words_of_causes(session: Session, labels: Sequence[str], first: datetime, last: datetime) -> dict[str, str]:
    """Return what root causes in words say, by their label, as the newest tickets that opened in a time say it. What
    was erased is left out."""
    rows = session.execute(_CAUSES, {"labels": list(labels), "first": first, "last": last})
    return {row[0]: row[1] for row in rows}


_CAUSES = text("""
    WITH newest AS (
        SELECT ticket_id, cause, row_number() OVER (PARTITION BY cause ORDER BY opened_at DESC, ticket_id) AS place
        FROM ticket_records
        WHERE NOT discarded AND opened_at >= :first AND opened_at < :last AND cause = ANY(:labels)
    )
    SELECT DISTINCT ON (newest.cause) newest.cause, said.words FROM newest, LATERAL (
        SELECT left(texts.text, 200) AS words FROM texts JOIN ticket_events ev ON ev.ticket_id = texts.ticket_id
            AND ev.epoch = texts.epoch AND ev.seq = texts.seq AND NOT ev.superseded
        WHERE texts.ticket_id = newest.ticket_id AND texts.name = 'root_cause' ORDER BY ev.seq DESC LIMIT 1
    ) AS said WHERE newest.place <= 3 ORDER BY newest.cause, newest.place
""")
