"""The tickets with which the demo fills the desk: one in each state that an agent meets, for people to look at.

They are promised the policy as it is, at its real speed, so that they stay as they are while somebody looks around.
What was said before they were opened here came by mail, with the mail's own times. The companies are made up.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client

from cli.desk_ticket import ACCOUNTS, DeskSample
from cli.samples import PACKAGE
from domain.core.enums import Role, Tier
from domain.core.refusal import Refused
from domain.policy.policy import Policy
from services import reply_templates
from services.incidents import IncidentService
from services.intake.declaration import DeclareRequest
from services.tickets import TicketService
from store import accounts
from store.database import Database

AT_ONCE = 4
"""So many tickets are worked on at a time."""
SHORT_LIMIT = timedelta(seconds=20)
"""The Tier 1 limit of the one ticket that has used it up."""


Story = Callable[[DeskSample], Awaitable[None]]


async def limit_running(s: DeskSample) -> None:
    """Make a ticket in Tier 1 whose limit runs, with the package half filled."""
    await s.arrive(
        34, "norvik-ferries", "nora.lindqvist", "Export of October ends with an error",
        "Since this morning the export of our October bookings stops after about a minute with "
        "\"Something went wrong\". September works. We close the month on Tuesday and need the file for our auditors.",
        priority="P2", product_area="reports",
    )  # fmt: skip
    await s.answer(27, "Good morning Nora, thank you for telling us. I am looking at the log of your export now.")
    await s.reply(21, "Thank you. It is the booking report, all routes. I tried Firefox and Edge, same result.")
    await s.do("take")
    await s.do("step", text="Exported September and October of their account as an admin: only October fails.")
    await s.do("step", text="October has bookings in NOK and in EUR; every month that works has one currency.")
    await s.do("fill", fields={"logs_or_screenshots": "Request 7f3a of 08:41 UTC: KeyError 'currency' in the exporter"})


async def limit_reached(s: DeskSample) -> None:
    """Make a ticket in Tier 1 whose limit is used up: it moves to Tier 2 with the last field."""
    await s.arrive(
        52, "larkfield-council", "petra.oduya", "Residents get the reminder mail twice",
        "Several residents called: they got the reminder for the garden waste collection twice last night, at 18:00 "
        "and at 18:04. We sent it once. Can you stop it before tonight's batch?",
        priority="P2", product_area="notifications",
    )  # fmt: skip
    await s.answer(45, "Hello Petra, I see both batches in the log. I am checking which of the two rules sent them.")
    await s.do("take")
    found = {
        "steps_taken": "Two rules match the same list since the import on Friday; switched the older one off.",
        "customer_impact": "About 1,900 residents got the mail twice. The council is called.",
    }
    await s.do("fill", fields=found)
    await s.until("past its Tier 1 limit", lambda t: t.escalation_due)


async def at_risk(s: DeskSample) -> None:
    """Make a new ticket of which nobody has taken care while the first response comes due."""
    await s.arrive(
        41, "saltmarsh-hotels", "duarte.pires", "Guests cannot pay by card on the booking page",
        "On the booking page the card form stays grey for guests who come from our newsletter. From the start page it "
        "works. Three guests have called the front desk in Faro since eleven.",
        priority="P1", product_area="payments",
    )  # fmt: skip


async def breached(s: DeskSample) -> None:
    """Make a ticket whose contract was missed; the answer came late."""
    await s.arrive(
        130, "tarn-valley-clinics", "helen.marsh", "Appointment list shows yesterday's patients",
        "The list for the surgery in Kendal still shows yesterday's patients. Reception has to read the paper list "
        "aloud. Reloading does not help; the phone app shows the right day.",
        priority="P2", product_area="dashboard",
    )  # fmt: skip
    await s.reply(75, "Is anybody there? We have a full waiting room.")
    await s.do("take", "cleo")
    await s.answer(9, "Helen, I am sorry that nobody answered. I have your list open and see the same.", "cleo")
    await s.do("step", "cleo", text="Their cache of the day is 26 hours old; the job that renews it is not listed.")


async def asked_for_attention(s: DeskSample) -> None:
    """Make a ticket for which the customer's CSM asks for a lead."""
    await s.arrive(
        320, "bluefen-dairy", "marcus.bell", "Delivery notes arrive without the batch number",
        "Since the update on Thursday our printed delivery notes have an empty batch number. Two supermarkets have "
        "refused a truck. We cannot trace a recall like this.",
        priority="P2", product_area="documents", tags=["print"],
    )  # fmt: skip
    await s.answer(290, "Marcus, understood. We compare the template of Thursday with the one before it.", "cleo")
    await s.do("take", "cleo")
    await s.reply(
        45, "Any news? The next truck leaves at four, and the chain wants an answer from our managing director."
    )
    await s.answer(30, "We have found the line that changed and test it now.", "cleo")
    await s.do(
        "attention", "iris", role=Role.CSM.value, reason="Their renewal is on the table this week; the MD calls."
    )


async def waits_on_customer(s: DeskSample) -> None:
    """Make a ticket that waits on the customer, whose mailbox has answered by itself."""
    await s.arrive(
        260, "amberline-tours", "giulia.ferri", "Which users count for our bill?",
        "We have 14 guides, and the bill says 19 users. Which ones are they, and how do we remove those who left?",
        priority="P3", category="billing",
    )  # fmt: skip
    await s.do("take")
    await s.answer(250, "Hello Giulia, five people of last season are still active. I can send you their names.")
    await s.reply(230, "Yes please. And can we get the difference back for November?")
    await s.ask_customer(
        190, "Here are the five. Shall I deactivate all of them today, or keep the two with open tours?"
    )
    await s.reply(189, "I am out of the office until Tuesday. For urgent matters write to office@amberline.example.",
                  subject="Automatic reply: your tours")  # fmt: skip


async def snoozed(s: DeskSample) -> None:
    """Make a ticket that waits until an agreed day, with a promise for it."""
    await s.arrive(
        600, "kestrel-moor-books", "tom.ashdown", "Move our shop to the new address",
        "We move house next week. How do we change the address without losing the links in old mails?",
        priority="P3", product_area="settings",
    )  # fmt: skip
    await s.do("take", "cleo")
    await s.answer(560, "Hello Tom, that takes two minutes. Old links keep working for a year.", "cleo")
    await s.reply(500, "Good. We would like to do it together on the day of the move, in two days, in the morning.")
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    await s.do("wait", "cleo", question="Agreed: I will call you on the day, and we change it together.", until=until,
               agreed=True, reason="Change the address together with Tom on the day of the move.")  # fmt: skip


async def promised_today(s: DeskSample) -> None:
    """Make a ticket of whoever looks at the desk, with a promise that is due today."""
    await s.arrive(
        185, "cobalt-courier", "renee.walsh", "Drivers see the map of another depot",
        "Four drivers in Albany see the stops of Trenton after signing in. Signing out and in again helps for an hour.",
        priority="P2", product_area="mobile app",
    )  # fmt: skip
    await s.answer(170, "Renee, I can see the four accounts. Did these drivers move depots lately?", s.me)
    await s.reply(150, "Yes! All four moved from Trenton to Albany on Monday.")
    await s.do("take", s.me)
    await s.do(
        "step", s.me, text="The depot on the device is the one of the first sign-in; the server has the new one."
    )
    due = (datetime.now(UTC) + timedelta(minutes=100)).isoformat()
    await s.do("promise", s.me, text="Tell Renee whether the drivers must install the app again.", due=due)


async def asked_of_me(s: DeskSample) -> None:
    """Make a ticket with a question to whoever looks at the desk."""
    await s.arrive(
        95, "orrin-instruments", "sean.kiely", "API answers 429 though we send one call a second",
        "Our lab system sends one request a second and is refused with 429 about every tenth time. The documentation "
        "says 50 a second. Nothing changed on our side since the summer.",
        priority="P3", product_area="API",
    )  # fmt: skip
    await s.do("take")
    await s.answer(80, "Sean, thank you. Could you send me the header Retry-After of one of the refusals?")
    await s.reply(66, "Retry-After: 2, each time. The request ids are a91f and b0c2.")
    await s.do("note", text="Both requests came through the proxy in Dublin, which 40 customers share.")
    await s.do("ask", to=s.me, text="Do we count the limit for each token, or for each address? Theirs is shared.")


async def on_tracker(s: DeskSample) -> None:
    """Make a bug with engineering, which has said something, and for which a second customer waits."""
    await s.arrive(
        400, "bluefen-dairy", "anita.kowalski", "Monthly report counts returns as sales",
        "In the monthly report, returned crates appear as sales. October is 31,000 too high. The raw list is right.",
        priority="P2", product_area="reports",
    )  # fmt: skip
    await s.answer(380, "Anita, I can see the difference in your account too. I hand this to our specialists.")
    summary = {"summary": "Monthly report adds returns instead of subtracting them",
               "expected": "Returns lower the sum.", "actual": "They raise it, since 4.12.",
               "environment": "Cloud, version 4.12", "frequency": "Always", "code_change": True}  # fmt: skip
    await s.to_engineering(
        first={"customer_impact": "Their October figures are 31,000 too high.",
               "steps_taken": "Compared the raw list with the report: only returns differ."},
        second={"bug_report": summary, "business_impact": {"text": "Wrong figures to the bank.", "arr": 412000},
                "workaround_status": "They correct the sum by hand from the raw list."},
    )  # fmt: skip
    await s.engineering(
        "In Progress", support="1", comment="We can reproduce it: a sign is lost since 4.12. Fix is in review."
    )
    await s.until("told what engineering found", lambda t: t.issue is not None and t.issue.status == "In Progress")
    other = s.another("second-customer")
    await other.arrive(
        210, "norvik-ferries", "nora.lindqvist", "Report adds refunds to our sales",
        "Refunded tickets make our monthly sales higher instead of lower. Is that known?",
        priority="P3", product_area="reports",
    )  # fmt: skip
    await other.answer(200, "Yes, it is known, Nora. Engineering is at it, and I link your ticket to theirs.", "ben")
    key = (await s.see()).issue
    assert key is not None
    await other.to_engineering(issue=key.key)


async def close_the_loop(s: DeskSample) -> None:
    """Make a ticket with which engineering is done, and whose customer does not know yet."""
    await s.arrive(
        500, "saltmarsh-hotels", "ines.matos", "Calendar shows rooms that are closed for painting",
        "Rooms 201 to 208 are closed until Friday, but the calendar offers them. We had to move two families.",
        priority="P2", product_area="calendar",
    )  # fmt: skip
    await s.answer(
        470, "Ines, sorry for the trouble. I have blocked the eight rooms by hand; they are not offered now."
    )
    summary = {"summary": "A closure of several rooms is ignored by the calendar",
               "expected": "Closed rooms are not offered.", "actual": "Only the first of them is closed.",
               "environment": "Cloud, version 4.12", "frequency": "Always", "code_change": True}  # fmt: skip
    await s.to_engineering(
        second={"bug_report": summary, "business_impact": {"text": "Double bookings.", "arr": 290000}}
    )
    await s.engineering("In Progress")
    await s.until("in progress", lambda t: t.issue is not None and t.issue.status == "In Progress")
    await s.engineering("Done", resolution="Fixed", fix_version="4.13", support="1",
                        comment="Fixed in 4.13: every room of a closure is closed.")  # fmt: skip
    await s.until("back from engineering", lambda t: t.tier is Tier.T2)


async def handed_back(s: DeskSample) -> None:
    """Make a ticket of which engineering wants to know more."""
    await s.arrive(
        240, "orrin-instruments", "aoife.byrne", "Calibration certificates lack the second page",
        "The PDF of a certificate ends after page one when the device has more than twelve channels.",
        priority="P3", product_area="documents",
    )  # fmt: skip
    await s.answer(225, "Aoife, I could make the same PDF here. I pass it on with your example.")
    await s.to_engineering()
    await s.do("return", "eve", role=Role.ENGINEER.value, reason="Which template is it, the A4 one or the letter one?")


async def request_of_a_feature(s: DeskSample) -> None:
    """Make a feature request that is tracked."""
    await s.arrive(
        420, "cobalt-courier", "renee.walsh", "Could you add a dark map for night shifts?",
        "Our night drivers say that the white map blinds them. A dark one would be great.",
        priority="P4", category="feature", product_area="mobile app",
    )  # fmt: skip
    await s.answer(
        400, "Renee, good idea; others have asked as well. I pass it on and tell you what becomes of it.", "ben"
    )
    await s.do("take")
    await s.do("escalate", fields=PACKAGE | {"customer_impact": "Night drivers are blinded by the white map."})
    await s.do("take", "ben")
    await s.do("escalate", "ben")
    await s.until("tracked in Jira", lambda t: t.issue is not None)


async def resolved(s: DeskSample) -> None:
    """Make a ticket that is resolved, with its record, and open to the customer's word."""
    await s.arrive(
        300, "feldhaus-druck", "jens.albers", "Wie kann ich eine Rechnung als Entwurf speichern?",
        "Guten Tag, wie kann ich eine Rechnung speichern, ohne dass sie verschickt wird? Danke und viele Grüße",
    )  # fmt: skip
    await s.do("take")
    await s.answer(280, 'Guten Tag Herr Albers, unter Senden gibt es den Pfeil: dort steht "Als Entwurf speichern".')
    await s.reply(240, "Gefunden, danke!")
    await s.do("resolve", resolution="solved", message="Gern. Ich schließe die Anfrage; antworten Sie jederzeit.",
               what_was_done="Showed where drafts are saved.", kb_article="KB-31")  # fmt: skip


async def closed(s: DeskSample) -> None:
    """Make a ticket that is closed, and rated."""
    await s.arrive(
        700, "kestrel-moor-books", "edith.cole", "How do I add a second till?",
        "We open a second counter in December. How do we add a till, and does it cost anything?",
        priority="P3", category="how-to", product_area="settings",
    )  # fmt: skip
    await s.do("take", "cleo")
    await s.answer(680, "Hello Edith: Settings, Tills, Add. The first three are in your plan.", "cleo")
    await s.reply(640, "That was easy. Thank you!")
    await s.do("resolve", "cleo", resolution="solved", message="Enjoy the new counter!", kb_article="KB-12",
               what_was_done="Explained where tills are added.")  # fmt: skip
    await s.do("rate", s.customer, role=Role.CUSTOMER.value, csat=5)
    await s.do("close", "cleo")


async def reopened(s: DeskSample) -> None:
    """Make a ticket that was resolved, and opened again by the customer's word."""
    await s.arrive(
        480, "larkfield-council", "petra.oduya", "Transfer ownership of our workspace",
        "Our administrator Mr Dean has retired. Please transfer ownership of the workspace to me.",
        priority="P3",
    )  # fmt: skip
    await s.do("take")
    await s.ask_customer(460, "Of course. I will call you on the number that we have on record. When does it suit you?")
    await s.reply(430, "Any time before noon.")
    await s.do("resolve", resolution="solved", message="The workspace is yours now, Petra.",
               what_was_done="Changed the owner to Petra Oduya.",
               identity_check="Called back on the number on record.")  # fmt: skip
    await s.reply(3, "I can open the workspace, but Billing still says that only Mr Dean may see it.")


async def from_the_community(s: DeskSample) -> None:
    """Make the tickets of a Free account: answered, or sent on to the community."""
    await s.arrive(
        150, "pinegate-school", "lotte.visser", "How can we print the timetable on one page?",
        "It always prints on two pages, and the second one is empty.",
    )  # fmt: skip


STORIES: tuple[Story, ...] = (
    limit_reached, limit_running, at_risk, breached, asked_for_attention, waits_on_customer, snoozed, promised_today,
    asked_of_me, on_tracker, close_the_loop, handed_back, request_of_a_feature, resolved, closed, reopened,
    from_the_community,
)  # fmt: skip


async def _incident(services: "_Services") -> None:
    """Declare an incident that is led by hand, with an update that waits for approval, and two tickets that are part of
    it."""
    declared = DeclareRequest.parse({"product_area": "sign-in", "priority": "P0", "by": "dana", "role": "agent"})
    number = (await services.incidents.declare(declared)).incident

    async def do(name: str, by: str = "dana", **payload: Any) -> None:
        await services.incidents.handle(number, name, {"by": by, "role": Role.AGENT.value, **payload})

    await do("acknowledge")
    await do("communications", to="mia")
    clinics, dairy = services.sample("no-sign-in"), services.sample("no-sign-in-either")
    await clinics.arrive(
        12, "tarn-valley-clinics", "helen.marsh", "Nobody can sign in",
        "None of our surgeries can sign in since 20 minutes. We see \"try again later\". All users are affected.",
        priority="P0", product_area="sign-in",
    )  # fmt: skip
    await dairy.arrive(
        9, "bluefen-dairy", "marcus.bell", "Sign-in page does not answer",
        "The sign-in page turns for a minute and then gives up, at all three plants.",
        priority="P0", product_area="sign-in",
    )  # fmt: skip
    for one in (clinics, dairy):
        await one.until("part of the incident", lambda t: t.incident is not None and not t.pending_effects)
    await clinics.answer(
        1, "Helen, we know: sign-in is down for all customers. We are on it and write every 30 minutes."
    )
    await do(
        "update", status="Sign-in is down for all customers.", doing="We move sign-in to the second region.",
        impact="Nobody can sign in; who is signed in can work.",
    )  # fmt: skip
    await do("approve", by="mia")
    await do(
        "update", "mia", status="Sign-in works again for most customers.", doing="We watch the rest.",
        impact="About one sign-in in ten still fails.",
    )  # fmt: skip


class _Services:
    """What the stories work with."""

    def __init__(
        self, client: Client, db: Database, policy: Policy, me: str, run: str, report: Callable[[str], None]
    ) -> None:
        limits = policy.limits.model_copy(update={"t1_limit": SHORT_LIMIT, "t1_notes": ()})
        short = policy.model_copy(update={"limits": limits})
        self._client, self._run, self._report, self._me = client, run, report, me
        self._tickets = TicketService(client, db, policy, channel="demo")
        self._hurried = TicketService(client, db, short, channel="demo")
        self.incidents = IncidentService(client, db, policy, channel="demo")

    def sample(self, name: str, *, hurried: bool = False) -> DeskSample:
        service = self._hurried if hurried else self._tickets
        one = DeskSample(name, service, self._client, self._run, self._report)
        one.me, one.another = self._me, self.sample
        return one


TEMPLATES: tuple[dict[str, str], ...] = (
    {
        "name": "fix-shipped",
        "situation": "A fix has shipped: ask them to try it",
        "body": 'Hello,\n\n{{personal line}}\n\nThe problem of "{{subject}}" is mended in version {{version}}. '
        "Please try it, and tell us if anything is left. Your ticket is {{ticket}}.",
    },
    {
        "name": "need-logs",
        "situation": "We need logs or a screenshot to go on",
        "channel": "email",
        "body": "Hello,\n\n{{personal line}}\n\nTo find the cause we need {{what we need}}. "
        "You find it at {{where it is}}.",
    },
    {
        "name": "fix-shipped-de",
        "situation": "A fix has shipped: ask them to try it",
        "language": "de",
        "tone": "formal",
        "body": "Guten Tag,\n\n{{personal line}}\n\nDer Fehler ist mit Version {{version}} behoben. "
        "Bitte pr\u00fcfen Sie es. Ihre Ticketnummer ist {{ticket}}.",
    },
)
"""Reply templates (F9) of the demo."""


async def fill_the_desk(
    client: Client, db: Database, policy: Policy, me: str, run: str, report: Callable[[str], None]
) -> None:
    """Keep the reply templates, and open the tickets of the desk, for a person whose name is `me`, and the incident.

    `policy` is the one of their promises. Raises the first failure, once all other stories have ended.
    """
    with db.begin() as session:
        accounts.save_accounts(session, ACCOUNTS)
    with suppress(Refused):  # somebody has changed one of them since: theirs stays
        for template in TEMPLATES:
            reply_templates.save(db, reply_templates.make(template), by=me, role=Role.LEAD)
    services, free = _Services(client, db, policy, me, run, report), asyncio.Semaphore(AT_ONCE)

    async def in_turn(story: Story) -> None:
        async with free:
            one = services.sample(f"desk-{story.__name__.replace('_', '-')}", hurried=story is limit_reached)
            await story(one)

    ended = await asyncio.gather(_incident(services), *map(in_turn, STORIES), return_exceptions=True)
    if failures := [one for one in ended if isinstance(one, BaseException)]:
        raise failures[0]
