"""The digest of what a ticket was told of its issue is stored: another one would have every ticket told again."""

from datetime import date

from activities.tracker.news import ADDED_LATER, DIGESTED, digest_of
from domain.core.enums import Role
from domain.ticket.commands import IssueUpdate
from domain.tracker.snapshot import SupportComment

FACT = IssueUpdate(
    by="jira",
    role=Role.INTEGRATION,
    key="ENG-7",
    url="https://x/browse/ENG-7",
    category="done",
    status="Erledigt ü",
    resolution="Fixed",
    assignee="5b10",
    assignee_name="Zoë",
    fix_versions=("1.2", "1.3"),
    version="2026-11-23T08:00:00Z",
    comments=(SupportComment(id="12", text='Say "so"\n— it ships'),),
)


def test_a_digest_is_the_one_that_earlier_versions_stored() -> None:
    assert digest_of(FACT) == "0f49aa250f3b3f939a7688ccebc4eacadc55192347b16b1ea06d77d165a681c2"


def test_f10_another_release_date_is_another_digest() -> None:
    dated = FACT.model_copy(update={"release_date": date(2026, 12, 4)})
    later = FACT.model_copy(update={"release_date": date(2026, 12, 18)})
    assert len({digest_of(FACT), digest_of(dated), digest_of(later)}) == 3


def test_a_digest_covers_all_that_the_tracker_says() -> None:
    carried = {"version", "was", "url", "id", "received", "seen"}
    assert {*DIGESTED, *ADDED_LATER} == set(IssueUpdate.model_fields) - carried
