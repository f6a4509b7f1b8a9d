"""A person at the keyboard, without a mouse: each key that they press is counted."""

from typing import Self

from playwright.async_api import Page


class Keys:
    """The keyboard of a page, and how many keys were pressed on it.

    What is written into fields costs nothing, and moving on with Tab from one field to the very next is part of
    writing. Every other key counts as one, alone or with Ctrl.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self.pressed: list[str] = []

    async def press(self, *keys: str) -> Self:
        """Press keys, one after the other."""
        for key in keys:
            self.pressed.append(key)
            await self.page.keyboard.press(key)
        return self

    async def write(self, *texts: str) -> Self:
        """Write into the field that has the focus; each further text into the next field."""
        for place, text in enumerate(texts):
            if place:
                await self.page.keyboard.press("Tab")
            writable = await self.page.evaluate("document.activeElement.matches('input, textarea, select')")
            assert writable, f"no field has the focus for {text!r}, after {self.pressed}"
            await self.page.keyboard.type(text)
        return self
