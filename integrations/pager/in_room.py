"""The incident room as a pager: the second channel of those who have no second pager."""

from integrations.chat.room import RoomMessage, RoomPort
from integrations.pager.port import Page, PageRef


class RoomPager:
    """Implements `PagerPort`, as well as a room can: it calls everybody, and nobody can acknowledge in it."""

    def __init__(self, room: RoomPort) -> None:
        self._room = room

    def page(self, page: Page) -> None:
        where = "".join(f"\n{link.text}: {link.url}" for link in page.links)
        details = "".join(f"\n{name}: {text}" for name, text in page.details.items())
        mark = f"{page.dedup_key} page"
        self._room.post(RoomMessage(mark=mark, text=f"{page.summary}{details}{where}", everyone=True))

    def acknowledge(self, ref: PageRef) -> None:
        """Send nothing: the room gets the messages of the incident itself."""

    def resolve(self, ref: PageRef) -> None:
        """Send nothing: the room gets the messages of the incident itself."""
