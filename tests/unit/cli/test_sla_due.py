"""`tierline sla due`: JSON lines in, JSON lines out; a bad line is answered and the run goes on."""

import io
import json
import subprocess
import sys

import pytest

from cli.sla import MAX_LINE, answers
from tests.support.root import ROOT

SPLIT = {
    "timezone": "Europe/Berlin",
    "hours": {day: [["09:00", "12:00"], ["13:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
    "holidays": ["2026-12-25"],
}
ALWAYS = {
    "timezone": "UTC",
    "hours": {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
}
# 2026-01-05 is a Monday.
ADD = {"id": "a", "calendar": SPLIT, "kind": "add", "start": "2026-01-05T11:30:00+01:00", "minutes": 60}


def ask(*questions):
    lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in questions]
    return list(answers(io.BytesIO(b"\n".join(lines))))


def error_of(question):
    (answer,) = ask(question)
    assert answer.keys() == {"id", "error"}
    assert "\n" not in answer["error"]
    return answer["error"]


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({}, {"due": "2026-01-05T12:30:00Z"}),
        ({"minutes": 0}, {"due": "2026-01-05T10:30:00Z"}),
        ({"minutes": 0, "start": "2026-01-05T12:00:00+01:00"}, {"due": "2026-01-05T12:00:00Z"}),
        ({"minutes": 30}, {"due": "2026-01-05T11:00:00Z"}),
        ({"minutes": 0.5}, {"due": "2026-01-05T10:30:30Z"}),
        ({"minutes": 1e-5}, {"due": "2026-01-05T10:30:00.000600Z"}),
        ({"pauses": [["2026-01-05T11:40:00+01:00", "2026-01-05T13:10:00+01:00"]]},
         {"due": "2026-01-05T13:00:00Z"}),
        ({"start": "2026-12-24T16:00:00+01:00", "minutes": 120}, {"due": "2026-12-28T09:00:00Z"}),
        ({"kind": "elapsed", "end": "2026-01-06T10:00:00+01:00"}, {"seconds": 5.5 * 3600}),
        ({"kind": "elapsed", "end": "2026-01-05T11:30:00.250+01:00"}, {"seconds": 0.25}),
        ({"kind": "elapsed", "end": "2026-01-06T10:00:00+01:00", "pauses": [
            ["2026-01-05T10:30:00Z", "2026-01-06T08:30:00Z"]]}, {"seconds": 1800}),
        ({"kind": "within"}, {"open": True}),
        ({"kind": "within", "start": "2026-01-05T12:00:00+01:00"}, {"open": False}),
        ({"kind": "within", "start": "2026-12-25T10:00:00+01:00"}, {"open": False}),
    ],
)  # fmt: skip
def test_each_kind_of_question_is_answered(change, answer):
    assert ask(ADD | change) == [{"id": "a"} | answer]


@pytest.mark.parametrize(
    ("start", "minutes", "due"),
    [
        ("2000-01-01T00:00:00Z", 1, "2000-01-01T00:01:00Z"),
        ("2100-12-31T23:59:00Z", 1, "2101-01-01T00:00:00Z"),
        ("2000-01-01T00:00:00Z", 53_121_599, "2100-12-31T23:59:00Z"),
    ],
)
def test_dates_may_lie_in_any_year_from_2000_to_2100(start, minutes, due):
    assert ask(ADD | {"calendar": ALWAYS, "start": start, "minutes": minutes}) == [{"id": "a", "due": due}]


def calendar(**change):
    return {"calendar": SPLIT | change}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"minutes": -1}, "minutes cannot be negative"),
        ({"minutes": -1e-9}, "minutes cannot be negative"),
        ({"minutes": "60"}, "minutes must be a number"),
        ({"minutes": True}, "minutes must be a number"),
        ({"minutes": None}, "minutes must be a number"),
        ({"minutes": float("nan")}, "minutes must be a number"),
        ({"minutes": float("inf")}, "minutes must be a number"),
        ({"minutes": 10**15}, "minutes lead beyond the year 2101"),
        ({"minutes": 40_000_000}, "known until 2102-01-01"),
        ({"kind": "elapsed"}, "end is missing"),
        ({"kind": "elapsed", "end": "2026-01-05T11:29:59+01:00"}, "lies before"),
        ({"kind": "subtract"}, "kind must be add, elapsed or within"),
        ({"start": "yesterday"}, "start: 'yesterday' is not an ISO 8601 instant"),
        ({"start": 1767609000}, "is not an ISO 8601 instant"),
        ({"start": "2026-01-05T11:30:00"}, "has no UTC offset"),
        ({"start": "1999-12-31T23:59:59Z"}, "is not in the years 2000 to 2100"),
        ({"start": "2101-01-01T00:00:00Z"}, "is not in the years 2000 to 2100"),
        ({"pauses": [["2026-01-05T10:00:00Z"]]}, "pauses must be a list of pairs"),
        ({"pauses": [["2026-01-05T10:00:00Z", "2026-01-05T09:00:00Z"]]}, "lies before"),
        ({"pauses": 0}, "pauses must be a list of pairs"),
        ({"calendar": None}, "calendar must be an object"),
        (calendar(hours={}), "never opens"),
        (calendar(hours={"mon": [["09:00", "25:00"]]}), "'25:00' is not a time of day"),
        (calendar(hours={"mon": [["17:00", "09:00"]]}), "does not end after it begins"),
        (calendar(hours={"mon": [["09:00", "13:00"], ["12:00", "17:00"]]}), "overlaps"),
        (calendar(timezone="Europe/Atlantis"), "is not an IANA time zone"),
        (calendar(timezone=1), "must be text"),
        (calendar(holidays=["Christmas"]), "'Christmas' is not a date"),
        (calendar(holidays="2026-12-25"), "holidays must be a list of dates"),
        (calendar(holidays=""), "holidays must be a list of dates"),
        (calendar(holidays={}), "holidays must be a list of dates"),
        (calendar(hoildays=[]), "unknown key 'hoildays'"),
    ],
)
def test_what_cannot_be_answered_gets_its_id_and_the_reason(change, says):
    (answer,) = ask(ADD | change)
    assert answer["id"] == "a"
    assert says in answer["error"]


@pytest.mark.parametrize(
    ("minutes", "says"),
    [
        (b"9" * 5000, "minutes lead beyond the year 2101"),
        (b"-" + b"9" * 5000, "minutes cannot be negative"),
        (b"1e99999999999999999999", "minutes must be a number"),
    ],
)
def test_a_number_beyond_all_measure_is_an_error_of_its_own_question(minutes, says):
    (answer,) = ask(json.dumps(ADD).encode().replace(b"60", minutes))
    assert answer["id"] == "a"
    assert says in answer["error"]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b"{", "line 1 is not JSON in UTF-8"),
        (b"\xff\xfe", "line 1 is not JSON in UTF-8"),
        (b"[" * 100_000, "line 1 is not JSON in UTF-8"),
        (b"1e99999999999999999999", "line 1 is not a JSON object"),
        (b"[1]", "line 1 is not a JSON object"),
        (b'{"id": {"a": 1}}', "line 1: id must be text or a whole number"),
        (b'{"id": 1.5}', "line 1: id must be text or a whole number"),
        (b'{"id": "' + b"x" * MAX_LINE + b'"}', f"line 1 is longer than {MAX_LINE} bytes"),
    ],
)
def test_a_line_that_is_no_question_is_answered_without_an_id(line, says):
    assert error_of(line) == says


def test_a_bad_line_stops_nothing_and_answers_keep_the_order():
    long = b'{"id": "' + b"x" * (2 * MAX_LINE) + b'"}'
    found = ask(ADD | {"id": 1}, b"nonsense", b"  ", long, ADD | {"id": 2, "minutes": -1}, ADD | {"id": 3})
    assert [one["id"] for one in found] == [1, None, None, 2, 3]
    assert [("error" in one) for one in found] == [False, True, True, True, False]


def run(*arguments, given=""):
    return subprocess.run(
        [sys.executable, "-m", "cli.sla", "due", *arguments],
        input=given.encode(), cwd=ROOT, capture_output=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_command_reads_a_file_or_standard_input(tmp_path):
    text = json.dumps(ADD | {"id": "\ud800 \u00e9"}) + "\n" + json.dumps(ADD | {"kind": "within"}) + "\n"
    (tmp_path / "questions.jsonl").write_text(text)
    from_file, from_input = run(str(tmp_path / "questions.jsonl")), run(given=text)
    assert from_file.returncode == from_input.returncode == 0
    assert from_file.stdout == from_input.stdout
    assert [json.loads(line) for line in from_file.stdout.splitlines()] == [
        {"id": "\ud800 \u00e9", "due": "2026-01-05T12:30:00Z"},
        {"id": "a", "open": True},
    ]


def test_a_file_that_cannot_be_read_is_one_line_and_exit_code_2(tmp_path):
    missing = run(str(tmp_path / "none.jsonl"))
    assert missing.returncode == 2
    assert missing.stdout == b""
    assert missing.stderr.decode().count("\n") == 1
    assert "No such file or directory" in missing.stderr.decode()
