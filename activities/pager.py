"""Waking people: by the pager, or by the second channel when the pager does not answer.

A drill pages nobody, and this is the place that sees to it: every call to a channel passes `_reach`.
"""

from collections.abc import Callable, Sequence

from temporalio import activity

from activities.support.failures import as_temporal_failures
from activities.support.reported import Read, nothing
from domain.documents.document import Link, is_web_address
from domain.tracker.reported import Reported
from integrations.calls import Failure
from integrations.pager.port import Page, PageRef, PagerPort
from workflows import ports

TOLD_TICKETS = 50
"""How many tickets a page names. The rest stand in Tierline."""
INSTEAD = "second channel, the pager does not take it: "
"""What a page of the second channel begins with."""


class PagerActivities:
    """Every call may be repeated: the pager merges by our key, which is the same on every try."""

    def __init__(
        self, pager: PagerPort, second: PagerPort | None, page_url: Callable[[str], str], reported: Read = nothing
    ) -> None:
        """`second`: where a page goes that the pager does not take; None: nowhere else. `page_url` says where a person
        finds what a page is about, by its key; `reported`, what its tickets say."""
        self._reported = reported
        self._pager = pager
        self._second = second
        self._page_url = page_url

    @activity.defn(name=ports.PAGE.name)
    def page(self, request: ports.PageRequest) -> ports.Nothing:
        with as_temporal_failures():
            self._reach(request.drill, self._page(request), self._pager.page)
        return ports.Nothing()

    @activity.defn(name=ports.PAGE_ELSEWHERE.name)
    def page_elsewhere(self, request: ports.PageRequest) -> ports.Nothing:
        """Send a page by the second channel; if the second channel fails as well, or there is none, by the pager again.

        Whoever takes it first has it, and the other is not asked any more: nobody is paged twice for one level by us.
        """
        page = self._page(request)
        if self._second is not None:
            marked = page.model_copy(update={"summary": f"{INSTEAD}{page.summary}"[:1024]})
            try:
                self._reach(request.drill, marked, self._second.page)
            except Failure as error:
                activity.logger.warning("the second channel failed too: %s", error)
            else:
                return ports.Nothing()
        with as_temporal_failures():
            self._reach(request.drill, page, self._pager.page)
        return ports.Nothing()

    @activity.defn(name=ports.ACKNOWLEDGE_PAGES.name)
    def acknowledge_pages(self, request: ports.EndPagesRequest) -> ports.Nothing:
        """Acknowledge the pages of an incident that somebody has taken elsewhere: the pager calls nobody any more."""
        self._each(request, [channel.acknowledge for channel in self._channels()])
        return ports.Nothing()

    @activity.defn(name=ports.END_PAGES.name)
    def end_pages(self, request: ports.EndPagesRequest) -> ports.Nothing:
        """End every page at every channel: one whose outcome nobody knew may be open at both."""
        self._each(request, [channel.resolve for channel in self._channels()])
        return ports.Nothing()

    def _channels(self) -> list[PagerPort]:
        return [self._pager] if self._second is None else [self._pager, self._second]

    def _each(self, request: ports.EndPagesRequest, acts: Sequence[Callable[[PageRef], None]]) -> None:
        """Try every channel: what one channel refuses must not leave the other one ringing."""
        failed: Failure | None = None
        for act in acts:
            for page in request.pages:
                try:
                    self._reach(request.drill, _ref(page), act)
                except Failure as error:
                    failed = failed or error
        if failed is not None:
            with as_temporal_failures():
                raise failed

    def _reach(self, drill: bool, ref: PageRef, act: Callable[..., None]) -> None:
        """Call a channel. In a drill nothing is sent: what would have been sent is logged."""
        if drill:
            activity.logger.info("drill: %s level %s was not sent", ref.dedup_key, ref.level)
            return
        act(ref)

    def _page(self, request: ports.PageRequest) -> Page:
        url = self._page_url(request.dedup_key)
        named = ", ".join(request.tickets[:TOLD_TICKETS])
        more = len(request.tickets) - TOLD_TICKETS
        reported = () if request.drill else self._reported(request.tickets)
        about = next((one.subject for one in reported if one.subject), "")
        return Page(
            **_ref(request).model_dump(),
            summary=f"{request.summary} - {about}" if about else request.summary,
            severity=request.severity,
            details={
                "for": request.audience,
                **_details(reported),
                "tickets": f"{named} and {more} more" if more > 0 else named,
            },
            links=(Link(text=request.dedup_key, url=url),) if is_web_address(url) else (),
        )


def _details(reported: Sequence[Reported]) -> dict[str, str]:
    """Return what is broken, for whom, and since when, as the first tickets say it."""
    if not reported:
        return {}
    since = min(one.since for one in reported)
    customers = dict.fromkeys(one.account for one in reported)
    return {
        "what": "; ".join(dict.fromkeys(one.subject for one in reported if one.subject)) or "(no subject)",
        "words": next((one.words[:500] for one in reported if one.words), "(no words)"),
        "customers": "; ".join(customers),
        "since": f"{since:%Y-%m-%d %H:%M} UTC",
    }


def _ref(page: ports.Page) -> PageRef:
    """Return the pager's key of one step of the ladder.

    A pager merges what has the key of an open alert, and calls nobody for it. So the first page has the incident's own
    id, and each later step, the same level once more included, a key of its own: it is a new alert, which wakes
    people, while every repeat of a step joins that step's alert.
    """
    first = page.level == 1 and page.round == 1
    key = page.dedup_key if first else f"{page.dedup_key}:{page.level}:{page.round}"
    return PageRef(dedup_key=key, level=min(page.level, 9))
