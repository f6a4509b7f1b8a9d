"""Waking people."""

from temporalio import activity

from activities.failures import as_temporal_failures
from integrations.pager.port import Page, PagerPort
from workflows import ports


class PagerActivities:
    """Every call may be repeated: the pager merges by our key."""

    def __init__(self, pager: PagerPort) -> None:
        self._pager = pager

    @activity.defn(name=ports.PAGE.name)
    def page(self, request: ports.PageRequest) -> ports.Nothing:
        with as_temporal_failures():
            self._pager.page(
                Page(
                    dedup_key=request.dedup_key,
                    summary=request.summary,
                    severity=request.severity,
                    details={"tickets": ", ".join(request.tickets)[:2000]},
                )
            )
        return ports.Nothing()

    @activity.defn(name=ports.END_PAGE.name)
    def end_page(self, request: ports.PageRequest) -> ports.Nothing:
        with as_temporal_failures():
            self._pager.resolve(request.dedup_key)
        return ports.Nothing()
