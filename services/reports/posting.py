"""Posts the report of each week once, when it is over (F3): a notice to whom the policy names, with what matters most.

The row that says so and the notices are one transaction, so whoever dies in between has posted nothing, and of several
relays one posts.
"""

from datetime import datetime

from domain.aggregate.effect import Notice
from domain.policy.policy import Notice as Kind
from domain.policy.policy import Policy
from services.reports import text, week
from services.reports.figures import WeekReport
from store import outbox, week_posts
from store.database import Database


def post(db: Database, policy: Policy, now: datetime) -> str:
    """Post the report of the last week that is over, if it is not posted yet. Returns the week; "" where there was
    nothing to do. Raises DatabaseDown."""
    over = week.last_week(now, policy)
    with db.session() as session:
        if week_posts.is_posted(session, over.name):
            return ""
    report = week.read(db, policy, over, now)
    said = "" if _is_empty(report) else f"{text.short(report)} (tierline report week --week {over.name})"
    with db.begin() as session:
        if not week_posts.claim(session, over.name, now, said) or not said:
            return ""
        for audience in policy.notices[Kind.WEEK_REPORT].to:
            notice = Notice(
                key=f"week:{over.name}:{audience}",
                name=Kind.WEEK_REPORT,
                ticket=None,
                audience=audience,
                recipient=None,
                title=said,
                at=now,
            )
            outbox.put_or_renew(session, notice)
    return over.name


def _is_empty(report: WeekReport) -> bool:
    """Return whether a week has nothing to say: nothing came, nothing went, nothing is open."""
    volume = report.volume
    return not (volume.opened.now or volume.ended.now or volume.backlog or report.clocks)
