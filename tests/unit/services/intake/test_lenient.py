"""A form as other programs fill it in: the customer's own words are kept in whatever shape they come."""

from typing import Any

import pytest

from services.intake.lenient import DEEPEST, in_lines
from services.intake.request import OpenRequest
from tests.support.ticket_life import MONDAY


def opened(**form: Any) -> OpenRequest:
    known = {"source": "webhook", "external_id": "1", "account": {"id": "acme"}, "role": "customer"}
    return OpenRequest.lenient(known | form, MONDAY)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (["The export fails.", None, "", 500], "The export fails.\n500"),
        ({"text": "The export fails.", "format": "plain", "quoted": None}, "text: The export fails.\nformat: plain"),
        ([{"name": "a.png"}, {"name": "b.png"}], "name: a.png\nname: b.png"),
        ([], ""), ({}, ""), (False, "false"),
    ],
)  # fmt: skip
def test_words_in_another_shape_are_kept_as_lines(said: Any, text: str) -> None:
    request = opened(subject="Help", description=said, attachments=said)
    assert (request.description, request.attachments) == (text, text)
    assert request.unread == {}


def test_a_shape_without_an_end_is_read_to_a_depth() -> None:
    deep: Any = "never read"
    for _ in range(5000):
        deep = [deep]
    assert in_lines([deep, "read"]) == "read"
    shallow: Any = "read"
    for _ in range(DEEPEST):
        shallow = [shallow]
    assert in_lines(shallow) == "read"
