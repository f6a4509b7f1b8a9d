"""A Jira site in another language: kinds of links and resolutions are told by what they mean."""

import pytest

from integrations.jira.site import duplicate_type, relation_type, to_done

BLOCKS = {"id": "1", "name": "Blocks", "inward": "is blocked by", "outward": "blocks"}


@pytest.mark.parametrize(
    ("name", "inward", "outward"),
    [
        ("Duplicate", "is duplicated by", "duplicates"),
        ("Duplikat", "wird dupliziert von", "dupliziert"),
        ("Same as", "is duplicated by", "duplicates"),
        ("Doublon", "est le doublon de", "a pour doublon"),
        ("Дубликат", "дублируется", "дублирует"),
        ("重複", "次の課題と重複", "重複元"),
    ],
)
def test_the_kind_of_link_that_says_duplicates_is_found_under_its_name(name: str, inward: str, outward: str) -> None:
    link = {"id": "2", "name": name, "inward": inward, "outward": outward}
    same = {"id": "3", "name": "Bezug", "inward": "bezieht sich auf", "outward": "bezieht sich auf"}
    assert duplicate_type([BLOCKS, same, link]) == link
    assert relation_type([BLOCKS, link, same]) == same
    assert duplicate_type([BLOCKS, same]) is None
    assert relation_type([BLOCKS, link]) is None


def move(*resolutions: str, required: bool = True) -> dict[str, object]:
    allowed = [{"id": str(number), "name": name} for number, name in enumerate(resolutions)]
    fields = {"resolution": {"required": required, "allowedValues": allowed}}
    return {"id": "31", "to": {"statusCategory": {"key": "done"}}, "fields": fields}


@pytest.mark.parametrize(
    ("resolutions", "chosen"),
    [
        (("Won't Do", "Duplicate", "Done"), "Done"),
        (("Wird nicht erledigt", "Erledigt"), "Erledigt"),
        (("Cannot Reproduce", "Behoben"), "Behoben"),
        (("Rejeté", "Terminé"), "Terminé"),
        (("却下", "完了"), "完了"),
        (("Won't Fix", "Shipped"), "Shipped"),
        (("Won't Fix", "Declined"), "Won't Fix"),
    ],
)
def test_a_resolution_that_is_asked_for_says_that_it_is_done_where_one_does(
    resolutions: tuple[str, ...], chosen: str
) -> None:
    body = to_done({"transitions": [move(*resolutions)]})
    assert body is not None
    assert body["fields"] == {"resolution": {"id": str(resolutions.index(chosen))}}


def test_a_way_to_done_that_asks_for_nothing_is_taken_first() -> None:
    free = move("Done", required=False) | {"id": "41"}
    assert to_done({"transitions": [move("Done"), free]}) == {"transition": {"id": "41"}}
