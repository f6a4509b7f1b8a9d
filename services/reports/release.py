"""A release judged (F3): the areas of the issues that it fixed, so many days before and after, beside all other areas.

What changed in all areas alike is a general trend. The figures stand beside each other, and name no cause.
"""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta, tzinfo

from domain.core.refusal import Refused
from domain.core.text import one_line
from domain.core.values import Frozen, Instant
from domain.policy.policy import Policy
from domain.report.comparison import Figure, figure
from services.policy_file.zones import zone_info
from services.reports.compare_text import change, value
from services.reports.week import GOOD, starts
from store import releases
from store.database import Database
from store.releases import Counted, Fixed

DAYS, MOST_DAYS, MOST_ISSUES = 28, 366, 200
LONGEST = 100
"""Characters of a version: what is longer was cut when the tracker told of it."""
NEWEST, KNOWN = 2_000, 10
"""In how many tickets versions are looked for, and how many are named, where one is not known."""


class Release(Frozen):
    """What was before and after a release."""

    version: str
    issues: tuple[str, ...]
    areas: tuple[str, ...]
    """Of the tickets of these issues; "" where none was said."""
    more: bool
    """There are more issues: only those that are named count."""
    shipped: date
    known_by: str
    """How the day is known, in words."""
    begins: Instant
    at: Instant
    """0:00 of the day on which it shipped: it is the first day after."""
    ends: Instant
    """Or now, while that time lasts."""
    so_far: bool
    inside: tuple[Figure, ...]
    """Of the areas."""
    outside: tuple[Figure, ...]
    """Of all other areas."""


def read(db: Database, policy: Policy, version: str, days: int, now: datetime) -> Release:
    """Judge a release. Raises Refused (`not_found` where no issue is fixed in it; `malformed` where it has not
    shipped), DatabaseDown."""
    zone, version = zone_info(policy.report.zone), one_line(version, LONGEST)
    with db.session() as session:
        fixed = releases.fixed_in(session, version, MOST_ISSUES + 1)
        if not fixed:
            known = ", ".join(releases.known_versions(session, of_newest=NEWEST, limit=KNOWN))
            named = f"write one of these, the newest first: {known}" if known else "no ticket names any version yet"
            raise Refused("not_found", f"no issue of a ticket is fixed in {version!r}: {named}")
        more, fixed = len(fixed) > MOST_ISSUES, fixed[:MOST_ISSUES]
        shipped, known_by = _shipped(version, fixed, zone)
        at, length = starts(shipped, zone), timedelta(days=days)
        if at >= now:
            raise Refused(
                "malformed", f"{version!r} has not shipped: it is due on {shipped}, look again after that day"
            )
        first, end = starts(shipped - length, zone), starts(shipped + length, zone)
        last = min(end, now)
        keys = [one.key for one in fixed]
        areas = sorted({area for one in fixed for area in one.areas})

        def figures(*, inside: bool) -> tuple[Figure, ...]:
            old, new = (
                releases.count(session, areas, keys, *ends, good=GOOD, inside=inside)
                for ends in ((first, at), (at, last))
            )
            return _figures(
                old, new, (at - first) / timedelta(weeks=1), (last - at) / timedelta(weeks=1), inside=inside
            )

        return Release(
            version=version, issues=tuple(keys), areas=tuple(areas), more=more, shipped=shipped, known_by=known_by,
            begins=first, at=at, ends=last, so_far=end > now,
            inside=figures(inside=True), outside=figures(inside=False),
        )  # fmt: skip


EARLIEST = date(2000, 1, 1)
"""An earlier date of a release is none: nobody had such a tracker then."""


def _shipped(version: str, fixed: Sequence[Fixed], zone: tzinfo) -> tuple[date, str]:
    """Return the day on which a version shipped or is due, and how it is known. The tracker tells one date of an issue,
    the first of its versions: issues of this version only come first. Raises Refused (`malformed`)."""
    dated = [(one.release_date, one.alone) for one in fixed if one.release_date and one.release_date >= EARLIEST]
    if own := [on for on, alone in dated if alone]:
        return max(own), "release date"
    if dates := [on for on, _ in dated]:
        return max(dates), "release date of issues that name other versions too"
    if done := [one.done_at.astimezone(zone).date() for one in fixed if one.done and one.done_at]:
        return max(done), "last issue done"
    text = "none of its issues is done or has a date: give the version a release date in the issue tracker"
    raise Refused("malformed", f"{version!r} has not shipped: {text}")


def _figures(old: Counted, new: Counted, before: float, after: float, *, inside: bool) -> tuple[Figure, ...]:
    def of(count: int, all_: int, times: float = 1) -> float | None:
        return times * count / all_ if all_ else None

    rated, opened = (old.ratings, new.ratings), (old.tickets, new.tickets)
    found = [
        figure("tickets a week", "number", old.tickets / before, new.tickets / after, opened),
        figure("satisfied", "percent", of(old.good, old.ratings, 100), of(new.good, new.ratings, 100), rated),
        figure("mean of the ratings", "number", of(old.rated, old.ratings), of(new.rated, new.ratings), rated),
        figure(
            "resolutions that did not hold", "percent", of(old.reopened, old.resolved, 100),
            of(new.reopened, new.resolved, 100), (old.resolved, new.resolved),
        ),
    ]  # fmt: skip
    if inside:
        theirs = old.of_issues, new.of_issues
        found.insert(
            1, figure("tickets a week of these issues", "number", theirs[0] / before, theirs[1] / after, theirs)
        )
    return tuple(found)


MORE = ", and more: only these are counted"


def area_names(found: Release) -> str:
    """Return the areas in words."""
    return ", ".join(area or "(no area)" for area in found.areas)


def lines(found: Release) -> Iterator[str]:
    """Yield the release, line by line."""
    issues = ", ".join(found.issues) + (MORE if found.more else "")
    yield f"{found.version}: shipped on {found.shipped} ({found.known_by}); fixed: {issues}"
    begins, at, ends = (f"{one:%Y-%m-%d %H:%M}" for one in (found.begins, found.at, found.ends))
    yield f"from {begins} and {at} to {ends} UTC{' (so far)' if found.so_far else ''}"
    for title, figures in ((f"In {area_names(found)}", found.inside), ("In all other areas", found.outside)):
        yield ""
        yield title
        for one in figures:
            yield f"  {one.name}: before {in_words(one, one.before)}, after {in_words(one, one.after)}{change(one)}"


def in_words(one: Figure, given: float | None) -> str:
    """Return a value in words; of fewer than five cases it is too few to say."""
    return "too few to say" if given is None else value(one, given)
