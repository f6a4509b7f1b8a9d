"""Which words of a subject find similar tickets."""

import pytest

from services.reading.beside import distinctive_words


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ("Month-end export fails with error 500", "month export fails"),
        ("Export export EXPORT", ""),
        ("Help", ""),
        ("", ""),
        ("a b c d e f", ""),
        ("Rechnung für Februar", "rechnung februar"),
    ],
)
def test_the_longest_words_of_a_subject_are_searched_and_one_word_alone_is_not(subject: str, words: str) -> None:
    assert distinctive_words(subject, 3) == words


def test_more_words_of_a_long_subject_are_searched_first() -> None:
    assert distinctive_words("The nightly export of orders stops halfway", 5) == "nightly export orders stops halfway"
