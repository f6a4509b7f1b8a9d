"""What the words of subjects found is kept for a minute, and not longer."""

from itertools import count

from services.reading.beside import KEPT_SECONDS, ByWords


class Clock:
    """A clock that stands where it is put."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_same_words_are_looked_for_again_after_a_minute() -> None:
    clock, searches = Clock(), count(1)
    by_words = ByWords(clock)
    assert by_words.find("export fails", lambda: next(searches)) == 1
    clock.now += KEPT_SECONDS - 1
    assert by_words.find("export fails", lambda: next(searches)) == 1
    clock.now += 1
    assert by_words.find("export fails", lambda: next(searches)) == 2


def test_other_words_find_something_else() -> None:
    by_words = ByWords(Clock())
    assert by_words.find(("tickets", "export fails"), lambda: ["one"]) == ["one"]
    assert by_words.find(("articles", "export fails"), lambda: ["other"]) == ["other"]


def test_what_was_found_long_ago_is_forgotten() -> None:
    clock = Clock()
    by_words = ByWords(clock)
    by_words.find("old", lambda: 1)
    clock.now += KEPT_SECONDS
    by_words.find("new", lambda: 1)
    assert set(by_words._kept) == {"new"}
