"""The report of a week in plain text: for a terminal, and in short for a chat."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from domain.core.text import one_line
from domain.report.hiring import Scale
from domain.report.week import FEW, Trend
from services.reports import customer_effort, targets
from services.reports.figures import (
    AccountFigures,
    ChannelFigures,
    ClockFigures,
    Cluster,
    Hours,
    PlanFigures,
    Replies,
    WeekReport,
    Wins,
)

HOUR = 3600.0
TRENDS = (
    ("area", "areas"),
    ("category", "categories"),
    ("plan", "plans"),
    ("cause", "causes"),
    ("channel", "channels"),
)
MOST_TALKED_OF = 8
WORST = 3
"""Areas that the message to the chat names."""


def lines(report: WeekReport) -> Iterator[str]:
    """Yield the report, line by line."""
    state = ", so far" if report.so_far else ""
    yield f"Week {report.week}{state}: from {report.begins:%a %d %b %H:%M} to {report.ends:%a %d %b %H:%M} UTC"
    if report.not_recorded:
        yield (
            f"not counted: {report.not_recorded} tickets from before there were records; "
            "`tierline ops rebuild --all` makes them"
        )
    if talk := agenda(report):
        yield from _head("To talk about")
        yield from (f"  {sentence}" for sentence in talk)
    volume = report.volume
    yield from _head("Volume")
    for one in (volume.opened, volume.ended, volume.reopened):
        yield f"  {trend(one)}"
    clear = "" if volume.days_to_clear is None else f"; {volume.days_to_clear:.1f} days to clear at this pace"
    yield f"  backlog: {volume.backlog}, {volume.backlog - volume.backlog_before:+d} in the week{clear}"
    yield from _head("Clocks, by when they were met or fell")
    yield f"  {trend(report.breaches)} (upheld, of the contract)"
    for clock in report.clocks:
        yield f"  {clock_line(clock)}"
    if report.targets:
        yield from _head("Targets, as they were in that week")
        yield from (f"  {targets.line(one)}" for one in report.targets)
    for name, title in TRENDS:
        if found := report.trends.get(name):
            yield from _head(f"Opened, by {name}")
            yield from (f"  {trend(one)}" for one in found)
            if more := report.trends_more.get(name):
                yield f"  and {more} {title} more"
    yield from _repeating(report)
    yield from _tiers(report)
    yield from _satisfaction(report)
    if report.customer_effort:
        yield from _head("Customer effort")
        yield from (f"  {line}" for line in customer_effort.lines(report.customer_effort))
    yield from _head("Channels")
    for channel in report.channels:
        yield f"  {channel_line(channel)}"
    if report.plans:
        yield from _head("Plans, five weeks")
        yield from (f"  {plan_line(one)}" for one in report.plans)
    if report.accounts:
        yield from _head("Accounts that cost most, five weeks")
        yield from (f"  {account_line(one)}" for one in report.accounts)
    yield from _hands(report)
    yield from _head("Hours of support, five weeks")
    yield from (f"  {line}" for line in hours_lines(report.hours))
    yield from _wins(report)
    if report.answers:
        yield from _head("Answers: the tickets that were never filed")
        yield from (f"  {line}" for line in report.answers)


def agenda(report: WeekReport) -> list[str]:
    """Return what to talk about, what matters most first: a sentence each, nothing that chance makes."""
    found = []
    for one in report.triggers:
        if one.state == "met":
            since = f", since {one.since}" if one.since != report.week else ""
            found.append(f"More hands? {one.says}: {one.now}{since}.")
    if report.breaches.direction in ("more", "new"):
        found.append(f"Contract breaches: {report.breaches.now}, usually {report.breaches.usual:.1f}.")
    for name, title in (("area", "Area"), ("category", "Category"), ("cause", "Cause")):
        for rising in report.trends.get(name, ()):
            if rising.name and rising.direction in ("more", "new"):
                usual = "none before" if rising.direction == "new" else f"usually {rising.usual:.1f}"
                found.append(f"{title} {one_line(rising.name, 80)}: {rising.now} tickets, {usual}.")
    for error in report.errors:
        if error.tickets > 1 and not error.article:
            what = one_line(error.error, 80) or error.fingerprint
            where = f" in {one_line(error.area, 40)}" if error.area else ""
            found.append(
                f"No article about {what}{where}: {many(error.tickets, 'ticket')}, {many(error.accounts, 'account')}."
            )
    for bounce in report.bounces:
        if bounce.now >= FEW:
            reason = one_line(bounce.reason, 80) or "a reason that was erased"
            found.append(f"Handed back {bounce.frm} to {bounce.to} {bounce.now} times: {reason}.")
    return found[:MOST_TALKED_OF]


def short(report: WeekReport) -> str:
    """Return what is posted to a chat: the figures that matter, in one line."""
    kept = sum(one.kept for one in report.clocks if one.side == "contract" and one.by == "all")
    met = [one.name for one in report.triggers if one.state == "met"]
    volume = report.volume
    parts = [
        f"Week {report.week}: {volume.opened.now} opened, {volume.ended.now} ended, backlog {volume.backlog} "
        f"({volume.backlog - volume.backlog_before:+d})",
        f"{kept} contract clocks kept, {report.breaches.now} missed",
    ]
    rising = [one.name or "(none)" for one in report.trends.get("area", ()) if one.direction in ("more", "new")]
    if rising:
        parts.append(f"more than usual: {', '.join(rising[:WORST])}")
    if met:
        parts.append(f"hiring: {', '.join(met)}")
    if shared := shared_line(report.wins):
        parts.append(shared)
    return one_line("; ".join(parts), 400)


def shared_line(wins: Wins) -> str:
    """Return how much there is to tell, without its words: a chat keeps what is erased here."""
    shared, articles = len(wins.shared) + wins.shared_more, len(wins.written) + wins.written_more
    said = [many(count, name) for count, name in ((shared, "win"), (articles, "article")) if count]
    if wins.kudos:
        said.append(f"{wins.kudos} kudos")
    return f"to share: {', '.join(said)}" if said else ""


def trend(one: Trend) -> str:
    """Return a figure beside the weeks before it."""
    before = ", ".join(map(str, one.before))
    return f"{one_line(one.name, 80) or '(none)'}: {one.now} ({one.direction}; before: {before})"


def clock_line(one: ClockFigures) -> str:
    """Return what became of clocks."""
    which = "" if one.by == "all" else f" {one.name}"
    rest = "".join(
        f", {count} {word}" for word, count in (("waived", one.waived), ("withdrawn", one.withdrawn)) if count
    )
    return f"{one.side} {one.metric.replace('_', ' ')}{which}: kept {one.share}, {one.upheld} missed{rest}"


def span(seconds: float | None) -> str:
    """Return a time in words: `35 min`, `4.2 h`, `2.5 d`."""
    if seconds is None:
        return "too few to say"
    if seconds < HOUR:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / HOUR:.1f} h" if seconds < 48 * HOUR else f"{seconds / HOUR / 24:.1f} d"


def many(number: int, what: str) -> str:
    """Return a count with its noun: "1 ticket", "2 tickets"."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def money(amount: Decimal) -> str:
    """Return an amount in the company's currency."""
    return f"{amount:,.2f}".removesuffix(".00")


def cluster_line(one: Cluster) -> str:
    """Return tickets that are alike, in a line."""
    names = [one.area or "no area", one.category, one.cause or "no cause said"] if not one.fingerprint else []
    name = (
        " / ".join(names)
        or (one.error or f"{one.fingerprint} (its words were erased)") + f" in {one.area or 'no area'}"
    )
    unknown = f", {one.arr_unknown} of unknown revenue" if one.arr_unknown else ""
    article = f"; article {one.article}" if one.article else "; no article" if one.fingerprint else ""
    return one_line(
        f"{name}: {many(one.tickets, 'ticket')}, {one.before} in the four weeks before; "
        f"{many(one.accounts, 'account')}, "
        f"ARR {money(one.arr)}{unknown}{article}; {', '.join(one.examples)}",
        300,
    )


def _repeating(report: WeekReport) -> Iterator[str]:
    if report.clusters:
        yield from _head("What repeats: area / category / cause")
        yield from (f"  {cluster_line(one)}" for one in report.clusters)
    if report.errors:
        yield from _head("Errors that cause tickets")
        yield from (f"  {cluster_line(one)}" for one in report.errors)
    if report.repeats:
        yield from _head("Accounts that came with the same more than once")
        for one in report.repeats:
            arr = "unknown" if one.arr is None else money(one.arr)
            yield f"  {one.account}: {many(one.tickets, 'ticket')}, {one.same} of one area and category; ARR {arr}"


def _tiers(report: WeekReport) -> Iterator[str]:
    yield from _head("Tiers")
    yield f"  Tier 1 limit used up, {trend(report.overruns)}"
    yield f"  promises not kept, {trend(report.promises_broken)}; kept in time, {trend(report.promises_kept)}"
    for one in report.tiers:
        yield (
            f"  time in {one.name}, on the wall: median {span(one.median)}, 9 of 10 within {span(one.ninth)} "
            f"({one.count} stays; median before: {'none' if one.median_before is None else span(one.median_before)})"
        )
    for bounce in report.bounces:
        reason = one_line(bounce.reason, 100) or "(erased)"
        yield f"  handed back {bounce.frm} to {bounce.to}: {bounce.now} times, {bounce.before} before: {reason}"


def _satisfaction(report: WeekReport) -> Iterator[str]:
    yield from _head("Satisfaction")
    if not report.satisfaction:
        yield "  nobody was rated in five weeks"
    for one in report.satisfaction:
        mean = "" if one.mean is None else f", mean {one.mean:.1f}"
        yield f"  {one.name}: {one.good} are 4 or 5{mean}; in the four weeks before {one.before}"
    for quality in report.quality:
        yield (
            f"  {quality.category}, resolved in five weeks: {quality.resolved}; "
            f"first response {span(quality.first_response)}; satisfied {quality.satisfied}; "
            f"came back {quality.reopened}; with an article {quality.with_article}"
        )
    for wrote in report.replies:
        yield (
            f"  {wrote.category}, {many_replies(wrote.replies)}: {length(wrote)}; made of a template {wrote.standard}, "
            f"of these as it stands {wrote.unchanged}"
        )


def many_replies(number: int) -> str:
    """Return a count of replies."""
    return f"{number} repl{'y' if number == 1 else 'ies'}"


def length(one: Replies) -> str:
    """Return how long replies usually are."""
    if one.length_median is None or one.length_ninth is None:
        return "too few to say how long"
    return f"usually {one.length_median:.0f} characters, 9 of 10 within {one.length_ninth:.0f}"


def channel_line(one: ChannelFigures) -> str:
    """Return what a channel takes, beside what is usual."""
    minutes = "" if one.minutes_per_contact is None else f", at most {one.minutes_per_contact:.0f} min each"
    if minutes and one.usual_minutes:
        minutes += f" (usual {one.usual_minutes[0]:.0f} to {one.usual_minutes[1]:.0f})"
    cost = "" if one.cost_per_contact is None else f", at most {money(one.cost_per_contact)} each"
    if cost and one.usual_cost:
        cost += f" (usual {money(one.usual_cost[0])} to {money(one.usual_cost[1])})"
    handled = "" if one.handle_median is None else f"; first take to resolution: median {span(one.handle_median)}"
    return f"{one.channel}: {one.share} of the tickets; {one.contacts} contacts{minutes}{cost}{handled}"


PAYS = {
    "yes": "it pays for itself",
    "no": "it does not pay for itself",
    "perhaps": "whether it pays for itself depends on where in that range its customers are",
}


def plan_line(one: PlanFigures) -> str:
    """Return what a plan brings and costs."""
    unknown = f", {one.unknown} of unknown revenue" if one.unknown else ""
    cost = f", at most {money(one.handling)}" if one.handling is not None else ""
    brings = f"; adds {money(one.brings[0])} to {money(one.brings[1])}" if one.brings else ""
    verdict = f": {PAYS[one.pays]}" if one.pays in PAYS else ""
    return (
        f"{one.plan}: {many(one.accounts, 'account')}{unknown}, {many(one.opened, 'ticket')}; "
        f"{one.in_hand:.1f} h in hand{cost}; "
        f"credits {money(one.credits)}{brings}{verdict}"
    )


def account_line(one: AccountFigures) -> str:
    """Return what an account costs, and what part of its revenue that is."""
    cost = f", at most {money(one.handling)}" if one.handling is not None else ""
    of = "" if one.percent is None else f": {one.percent:.1f} % of its revenue"
    return f"{one.account}: {one.in_hand:.1f} h in hand{cost}; credits {money(one.credits)}{of}"


def scale_line(one: Scale) -> str:
    """Return how large support is, beside what is usual."""
    ratio = "" if one.ratio is None else f", {one.ratio:.0f} customers for each agent"
    if one.ratio is not None:
        ratio += f" (usual {one.usual_ratio[0]} to {one.usual_ratio[1]})"
    stage = f"; stage {one.stage}" if one.stage else ""
    usual = "" if one.usual_agents is None else f": {one.usual_agents[0]} to {one.usual_agents[1]} agents are usual"
    counts = (
        f"{many(one.customers, 'customer')}, {many(one.tickets, 'ticket')} in four weeks, {many(one.agents, 'agent')}"
    )
    return f"{counts}{ratio}{stage}{usual}"


def one_more_line(report: WeekReport) -> str:
    """Return what one agent more would change."""
    one = report.one_more
    if one is None:
        return "One agent more: nobody took anything, so nothing can be said"
    if not one.fits:
        return (
            f"One agent more in {one.team}: the simulation of its queue is not near the record ({one.recorded:.1f} h "
            f"recorded, {one.as_it_was:.1f} h simulated), so it says nothing: habits, not hands, decide how long "
            "work waits"
        )
    return (
        f"One agent more in {one.team} ({one.agents} now): work would wait {one.with_one_more:.1f} h instead of "
        f"{one.as_it_was:.1f} h until somebody takes it (median, simulated; {one.recorded:.1f} h recorded, "
        f"{one.pieces} pieces)"
    )


def _hands(report: WeekReport) -> Iterator[str]:
    yield from _head("Hands")
    yield f"  {scale_line(report.scale)}"
    for one in report.triggers:
        since = f", since {one.since}" if one.since and one.state == "met" else ""
        yield f"  {one.name}: {one.state}{since}: {one.now} ({one.says})"
    yield f"  {one_more_line(report)}"


def closed_lines(hours: Hours) -> list[str]:
    """Return what came while support was closed, and what longer hours would have covered."""
    came = f"{hours.closed} of {hours.total} tickets came while support was closed for them"
    if not hours.closed:
        return [came]
    covered = ", ".join(f"{count} by {by} h earlier" for by, count in hours.earlier)
    worth = f"{came}: {many(hours.accounts, 'account')}, ARR {money(hours.arr)}"
    return [worth, f"Support would have been open for {covered}"]


def hours_lines(hours: Hours) -> list[str]:
    """Return the same, and what came in each zone."""
    zones = [f"{zone.zone}: {zone.total} tickets, {zone.closed} of them while closed" for zone in hours.zones]
    return closed_lines(hours) + zones


def _wins(report: WeekReport) -> Iterator[str]:
    wins = report.wins
    yield from _head("What went well, and what was learnt")
    yield f"  solved in Tier 1, within the limit, without a hand-over and without coming back: {wins.solved_at_once}"
    if wins.best:
        yield f"  rated 5: {', '.join(wins.best)}"
    if wins.articles:
        yield f"  articles that helped: {', '.join(f'{one_line(name, 60)} ({count})' for name, count in wins.articles)}"
    yield f"  gaps in the knowledge base that were found: {wins.gaps}"
    for shared in wins.shared:
        yield f"  worth telling, {shared.ticket}: {one_line(shared.words, 200) or '(erased)'}"
    if wins.shared_more:
        yield f"  and {wins.shared_more} more that are worth telling"
    for article in wins.written:
        yield f"  {'written' if article.new else 'revised'}: {one_line(article.title, 100)} ({article.slug})"
    if wins.written_more:
        yield f"  and {many(wins.written_more, 'article')} more"
    if wins.kudos:
        yield f"  comments with a score of 5: {wins.kudos}, of {', '.join(wins.kudos_tickets)}"


def _head(title: str) -> Sequence[str]:
    return "", title
