"""C17: the headers by which mail programs say that a machine wrote, in the shapes in which webhooks carry them."""

from typing import Any

import pytest

from services.intake.automatic import mark_in

AUTO = "Auto-Submitted: auto-replied"


@pytest.mark.parametrize(
    ("headers", "mark"),
    [
        ({"Auto-Submitted": "auto-replied"}, AUTO),
        ({"Subject": "x", "Auto-Submitted": ["no", "auto-replied"]}, AUTO),
        ([{"name": "Auto-Submitted", "value": "auto-replied"}], AUTO),
        ("Subject: x\r\nAuto-Submitted: auto-replied\r\nTo: y", AUTO),
        ("auto-submitted: no\nReturn-Path: <>", "Return-Path: <>"),
        ({"auto-submitted": "no"}, ""),
        ("Auto-Submitted", ""),
        (7, ""),
        (None, ""),
    ],
)
def test_c17_a_header_says_so_in_any_shape(headers: Any, mark: str) -> None:
    assert mark_in(headers) == mark
