"""What a writer says now, and what a message only carries along (G11)."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.core.own_words import own_words, split

HEADS = [
    "On Mon, 2 Nov 2026, Support wrote:",
    "On Mon, 2 Nov 2026 at 10:00, Support\n<support@example.com> wrote:",
    "Am 02.11.2026 um 10:00 schrieb Support <support@example.com>:",
    "Le lun. 2 nov. 2026 à 10:00, Support <support@example.com> a écrit :",
    "El lun, 2 nov 2026 a las 10:00, Support (<support@example.com>) escribió:",
    "Il giorno lun 2 nov 2026 alle 10:00 Support ha scritto:",
    "Op ma 2 nov 2026 om 10:00 schreef Support <support@example.com>:",
    "2026-11-02 10:00 GMT+01:00 Support <support@example.com>:",
    "2026年11月2日 10:00 Support <support@example.com> 写道\uff1a",
    "W dniu 2.11.2026 o 10:00, Support pisze:",
    "2 ноября 2026 г., в 10:00, Support <support@example.com> написал(а):",  # noqa: RUF001 - Russian
    "Support <support@example.com> schrieb am Mo. 2. Nov. 2026 um 10:00:",
    "Support wrote on 2 Nov 2026:",
    "Quoting Support <support@example.com>:",
    "-----Original Message-----",
    "-----Ursprüngliche Nachricht-----",
    "---------- Forwarded message ---------",
    "-------- Weitergeleitete Nachricht --------",
    "Begin forwarded message:",
    "From: Support\nSent: Monday, 2 November 2026 10:00\nTo: Jo\nSubject: Invoice",
    "_" * 32 + "\nVon: Support\nGesendet: Montag, 2. November 2026 10:00\nAn: Jo\nBetreff: Rechnung",
    "Von: Support Gesendet: Montag, 2. November 2026 An: Jo Betreff: Rechnung",
    "De : Support\nEnvoyé : lundi 2 novembre 2026\nÀ : Jo\nObjet : Facture",
    "Gesendet: Montag, 02. November 2026 um 10:00 Uhr\nVon: <s@example.com>\nAn: jo@example.com\nBetreff: Re: x",
    "man. 2. nov. 2026 kl. 10:00 skrev Support <support@example.com>:",
    "ma 2. marrask. 2026 klo 10.00 Support (support@example.com) kirjoitti:",
    "pon., 2 lis 2026 o 10:00 Support <support@example.com> napisał(a):",
    "po 2. 11. 2026 v 10:00 odesílatel Support <support@example.com> napsal:",
    "пн, 2 нояб. 2026 г. в 10:00, Support <support@example.com>:",  # noqa: RUF001 - Russian
    "Support <support@example.com>, 2 Kas 2026 Pzt, 10:00 tarihinde yazd\u0131:",
    "Support <support@example.com> 于2026年11月2日周一 10:00写道\uff1a",
    "2026년 11월 2일 (월) 오전 10:00, Support <support@example.com>님이 작성:",
    "Support <support@example.com> ezt írta (időpont: 2026. nov. 2., H, 10:00):",
    "Vào Th 2, 2 thg 11, 2026 vào lúc 10:00 Support <support@example.com> đã viết:",
    "Στις Δευ 2 Νοε 2026 στις 10:00, Support <support@example.com> έγραψε:",
    "\u200fבתאריך 2 בנוב 2026 ב-10:00 מאת Support <support@example.com>:",  # noqa: RUF001 - Hebrew
    "*From:* Support\n*Sent:* Monday\n*Subject:* Invoice",
]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("mark", ["", "> "])
def test_quoted_history_is_set_apart_in_any_usual_spelling(head: str, mark: str) -> None:
    history = f"{head}\n{mark}You wrote: production is down.\n{mark}Nobody can log in."
    text = f"Thanks, all fine again.\n\n{history}"
    assert own_words(text) == "Thanks, all fine again."
    assert split(text) == ("Thanks, all fine again.", history)


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nEverything is down to us. Acme Security Consulting",
        "--\nProduction is down? Acme helps.\nPhone 1234",
        "Best regards,\nJo, Production is Down Ltd",
        "Mit freundlichen Grüßen\nJo",
        "Sent from my iPhone",
        "Thanks,\nJo Doe\nEverything is down to us",
        "Vielen Dank\n\nJo\nProduction is down GmbH",
        "VG\nJo",
        "Freundliche Grüsse\nJo",
        "Mit freundlichen Grüßen / Kind regards\nJo",
        "Bien à vous,\nJo",
        "Un cordial saludo\nJo",
        "Cumprimentos,\nJo",
        "Mvh Jo",
        "С уважением,\nJo",  # noqa: RUF001 - Russian
        "Von meinem iPhone gesendet",
        "Gesendet von Mail für Windows",
        "MfG Jo",
        "This e-mail and its attachments are confidential. If production is down, you have received it in error.",
        "Disclaimer:\nProduction is down to you.",
    ],
)
def test_a_signature_is_set_apart(signature: str) -> None:
    assert own_words(f"hello\n\n{signature}") == "hello"
    assert split(f"hello\n\n{signature}").carried == signature


def test_an_afterthought_below_the_closing_counts() -> None:
    assert own_words("Export fails.\n\nBest regards,\nJo\n\nPS: every user is affected.") == (
        "Export fails.\n\n\nPS: every user is affected."
    ).replace("\n\n\n", "\n\n")


def test_what_is_written_below_and_between_quoted_lines_counts() -> None:
    text = "On 2 Nov 2026 Support wrote:\n> Which browser?\nFirefox.\n> Since when?\nSince nine."
    assert own_words(text) == "Firefox.\nSince nine."
    assert split(text) == (text, "")


def test_whoever_forwards_without_a_word_means_what_they_forward() -> None:
    head = "---------- Forwarded message ---------\nFrom: Jo\nDate: Mon, 2 Nov 2026\nSubject: Help\nTo: Support\n\n"
    assert own_words(head + "Production is down.") == "Production is down."
    assert own_words("FYI\n\n" + head + "Production is down.") == "FYI"
    assert own_words("> Production is down.") == ""


@pytest.mark.parametrize(
    "text",
    [
        "Production is down.",
        "From: we see this in the log.\nNothing works.",
        "On Monday I wrote: nothing works.",
        "Steps:\n--\n" + "\n".join(f"{n}. click" for n in range(30)),
        "From 9 o'clock on:\nDate of the report: wrong",
        "We wrote the following: it is down",
        "We wrote on 2 Nov 2026:\nnothing works.",
        "10 users wrote 5 times:\nnothing works.",
        "Thanks,\nproduction is down since you changed the config.",
        "BR,\nnobody can log in.",
        "Regards, production is down",
        "Sent at 10:00\n\n2026-11-02 10:00:01 Error sending to <jo@example.com>, twice:\nproduction is down",
        "2026-11-02 10:00 Support (support@example.com) answers:\nproduction is down",
        "The disclaimer is not shown.\nNothing works.",
        "This e-mail was never sent.\nNothing works.",
        "",
    ],
)
def test_plain_words_are_all_ones_own(text: str) -> None:
    assert own_words(text) == text.strip()
    assert split(text).carried == ""


LINES = st.sampled_from(
    [*HEADS, "> quoted", "own", "", "-- ", "--", "Best regards,", "PS: x", "From: a", "Sent: b", "_" * 30, "a" * 500]
)


@given(st.lists(LINES, max_size=30).map("\n".join) | st.text(max_size=200))
@settings(max_examples=300, deadline=None)
def test_nothing_is_lost_and_nothing_invented(text: str) -> None:
    own, carried = split(text)
    assert "".join((own + carried).split()) == "".join(text.split())
    assert set(own_words(text).split()) <= set(text.split())


def test_no_text_takes_long() -> None:
    for line in (
        "On 1 ",
        "From: ",
        "-" * 50 + " ",
        "On " + "1 wrote " * 40,
        "-- ",
        "> " * 30,
        "Best regards\n",
        "<a@" * 130 + ":",
    ):
        text = (line + "\n") * (20_000 // len(line))
        began = time.process_time()
        own_words(text)
        split(text)
        assert time.process_time() - began < 2, line
