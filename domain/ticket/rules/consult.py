"""G15: consult. A question to a person or a team, without handing the ticket over.

Open questions stand in the asked person's queue, and all of them, those to teams too, in the view `questions`: nothing
knows who is in a team. They are due in one support hour. No SLA clock and no limit hears of
them.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field as Bounded

from domain.aggregate.aggregate import Recording
from domain.aggregate.command import Command
from domain.aggregate.deadline import Deadline
from domain.aggregate.event import Changes, Envelope
from domain.aggregate.rule import Lapse, On, Reason, Rule
from domain.calendars.calendar import BeyondHorizon
from domain.core.input_types import Short, Text
from domain.core.refusal import Refused
from domain.core.values import Frozen, Instant
from domain.ticket.deadline_kinds import Kind
from domain.ticket.rules.basics import needed, not_closed
from domain.ticket.state import Question, Ticket

MOST = 20
"""Questions that may be open at once."""


class Ask(Command):
    """Ask a person or a team something, and keep the ticket. No clock hears of it."""

    do: Literal["ask"] = "ask"
    to: Short = ""
    """Who is asked: a person or a team."""
    text: Text = ""


class QuestionAsked(Frozen):
    """A question was put to somebody of ours (G15)."""

    type: Literal["question_asked"] = "question_asked"
    question: int
    to: str
    due: Instant | None = None


class AnswerQuestion(Command):
    """Answer an open question. Without its number, the oldest that is put to you, or the oldest of all."""

    do: Literal["answer"] = "answer"
    question: Annotated[int, Bounded(ge=1)] | None = None
    text: Text = ""


class QuestionAnswered(Frozen):
    """A question was answered, for whoever asked it (G15)."""

    type: Literal["question_answered"] = "question_answered"
    question: int
    asker: str


class QuestionOverdue(Frozen):
    """A question was not answered in time (G15)."""

    type: Literal["question_overdue"] = "question_overdue"
    question: int
    to: str
    due: Instant


def _ask(recording: Recording[Ticket], command: Ask) -> None:
    ticket = recording.state
    texts = needed(to=command.to, text=command.text)
    if len(ticket.questions) >= MOST:
        raise Refused("does_not_fit", f"{MOST} questions are open already: answer one first", would_fit=["answer"])
    try:
        due = ticket.terms.calendar.add(recording.at, ticket.terms.limits.consult)
    except BeyondHorizon:
        due = None
    body = QuestionAsked(question=ticket.questions_asked + 1, to=command.to, due=due)
    recording.record(body, texts={"text": texts["text"]})


def _may_answer(ticket: Ticket) -> Reason:
    return not_closed(ticket) or (None if ticket.questions else "no question is open")


def _answer(recording: Recording[Ticket], command: AnswerQuestion) -> None:
    texts = needed(text=command.text)
    open_ones = recording.state.questions
    if command.question is None:
        question = next((one for one in open_ones if one.to == command.by), open_ones[0])
    else:
        found = [one for one in open_ones if one.number == command.question]
        if not found:
            numbers = ", ".join(str(one.number) for one in open_ones)
            raise Refused("does_not_fit", f"question {command.question} is not open: {numbers}", would_fit=["answer"])
        question = found[0]
    recording.record(QuestionAnswered(question=question.number, asker=question.by), texts=texts)


def _deadlines(ticket: Ticket) -> Iterator[Deadline]:
    for question in ticket.questions:
        if question.due and not question.overdue and not ticket.closed:
            yield Deadline(question.due, Kind.QUESTION, f"Remind {question.to} of question {question.number}")


def _overdue(recording: Recording[Ticket], deadline: Deadline, lapse: Lapse) -> None:
    question = next(one for one in recording.state.questions if one.due == deadline.at and not one.overdue)
    recording.record_lapse(QuestionOverdue(question=question.number, to=question.to, due=lapse.due), lapse.due)


def _asked(ticket: Ticket, event: Envelope, body: QuestionAsked) -> Changes:
    asked = Question(number=body.question, to=body.to, by=event.actor.id, since=event.at, due=body.due)
    return {"questions": (*ticket.questions, asked), "questions_asked": body.question}


def _was_overdue(ticket: Ticket, _event: Envelope, body: QuestionOverdue) -> Changes:
    marked = (
        one.model_copy(update={"overdue": True}) if one.number == body.question else one for one in ticket.questions
    )
    return {"questions": tuple(marked)}


RULE = Rule[Ticket](
    commands={Ask: On(_ask, not_closed), AnswerQuestion: On(_answer, _may_answer)},
    events={
        QuestionAsked: _asked,
        QuestionAnswered: lambda ticket, _, body: {
            "questions": tuple(one for one in ticket.questions if one.number != body.question)
        },
        QuestionOverdue: _was_overdue,
    },
    deadlines=_deadlines,
    lapses={Kind.QUESTION: _overdue},
    notices={
        QuestionAsked: lambda _ticket, _event, body: ("question_asked", f"Question {body.question} is put to you"),
        QuestionAnswered: lambda _ticket, _event, body: ("question_answered", f"Question {body.question} is answered"),
        QuestionOverdue: lambda _ticket, _event, body: ("question_overdue", f"Question {body.question} is overdue"),
    },
)
