"""F5: until when a notice waits: for the end of the quiet hours, or for its digest."""

from datetime import UTC, datetime, time, timedelta

from domain.policy.policy import Policy, QuietHours
from services.policy_file.zones import zone_info
from workers.relay import Digest, Hold


def quiet_hours(policy: Policy) -> Hold:
    """Return what says until when a notice waits (F5), by the policy's table, on the wall clock of the policy's
    zone."""

    def hold(name: str, now: datetime) -> datetime | None:
        row = next((row for notice, row in policy.notices.items() if notice == name), None)
        if policy.quiet_hours is None or row is None or row.quiet_hours == "send":
            return None
        return _end_of_quiet(policy.quiet_hours, now)

    return hold


def digests(policy: Policy) -> Digest:
    """Return what says when the digest goes that a notice is gathered in (F5): at the next of the policy's times of
    day, in its zone.

    A time that falls into the quiet hours is put off to their end. One that the clocks skip counts as much later; one
    that they repeat counts the first time.
    """

    def next_digest(name: str, audience: str, now: datetime) -> datetime | None:
        row = policy.digest
        if row is None or not row.gathers(name, audience):
            return None
        zone = zone_info(row.zone)
        today = now.astimezone(zone).date()
        instants = (
            datetime.combine(today + timedelta(days=days), time(minute // 60, minute % 60), zone).astimezone(UTC)
            for days in (-1, 0, 1)
            for minute in row.times
        )
        quiet = policy.quiet_hours
        put_off = ((_end_of_quiet(quiet, at) if quiet else None) or at for at in instants)
        return min(at for at in put_off if at > now)

    return next_digest


def _end_of_quiet(quiet: QuietHours, now: datetime) -> datetime | None:
    zone = zone_info(quiet.zone)
    local = now.astimezone(zone)
    minute = local.hour * 60 + local.minute
    tonight = quiet.until < quiet.since <= minute  # they span midnight, and it is still ahead
    if not (tonight or quiet.since <= minute < quiet.until or minute < quiet.until < quiet.since):
        return None
    day = local.date() + timedelta(days=int(tonight))
    return datetime.combine(day, time(quiet.until // 60, quiet.until % 60), zone).astimezone(UTC)
