"""What each field of the form and of the commands is, in a line: for the help of the CLI and the API's OpenAPI."""

HELPS: dict[str, str] = {
    "over": "Take it over from whoever holds it.",
    "text": "What is to be said, recorded or attached.",
    "occurred": "When it happened, if earlier: an instant such as 2026-01-05T09:00:00+01:00.",
    "source": "Where that instant comes from: mail, helpdesk, phone. A lead may attest it.",
    "question": "What the customer is asked.",
    "to": "The tier; the next one, if not said.",
    "force": "A lead's: Tier 1 to Tier 2 without the package, with a reason.",
    "override": "A lead's: take a Free ticket past the community, with a reason.",
    "reason": "Why.",
    "issue": "A Jira issue that has this problem already, such as SUP-12: it is linked, and no other is made.",
    "new": "Make an issue instead of a link that was refused.",
    "link": "Where it goes on: the community's page, or the request that a feature request became.",
    "resolution": "How it ended.",
    "message": "What the customer is told.",
    "what_was_done": "What was done.",
    "root_cause": "What it came from.",
    "kb_article": "The article that was used or written.",
    "kb_reason": 'Why there is no article; "gap" opens a draft.',
    "identity_check": "How the customer's identity was checked.",
    "parent": "The ticket that this one repeats or follows.",
    "customer_reason": "Why it will not be fixed, for the customer.",
    "priority": "From P0, service down, to P4, a request.",
    "category": "What it is about.",
    "product_area": "The part of the product.",
    "language": "The customer's language, such as en or de-AT.",
    "tags": "A tag.",
    "metric": "Which promise was broken.",
    "csat": "From 1 to 5.",
    "fields": "Fields of the hand-off packages, or why one does not exist.",
    "account": "The account as it is now, where that changed: its plan, its zone.",
}

FORM_HELPS = HELPS | {
    "account": "The customer, by id. What is known of the account wins over what is said here.",
    "opened_at": "When it came in, if earlier, by a year at most. Only an integration may say so.",
    "source": "Where the ticket comes from.",
    "external_id": "What it is called there; the same again is the same ticket. Random, if not said.",
    "channel": "How the customer came.",
    "priority_guessed": "Only a rule said the priority, no person: a P0 waits five minutes before it pages.",
    "subject": "One line.",
    "description": "The customer's own words.",
    "attachments": "Logs or screenshots, by name or link.",
    "impact": "How many are affected; with the urgency it makes the priority.",
    "urgency": "How much it holds them up.",
    "form": "What else the form says, for the policy's rules.",
}

INCIDENT_HELPS: dict[str, str] = {
    "comment": "A word for everybody.",
    "status": "Where we are.",
    "impact": "What customers cannot do.",
    "doing": "What is being done.",
    "workaround": "What helps until then.",
    "update": "Which update; the latest, if not said.",
    "to": "Who takes over.",
    "ticket": "The ticket's id.",
    "own": "It is another problem, as urgent: it opens an incident of its own.",
    "reason": "Why.",
    "text": "What should be done.",
    "owner": "Who does it; you, if not said.",
    "due": "Until when: an instant such as 2026-12-01T09:00:00+01:00.",
    "summary": "What was learnt.",
    "let_go": "Do without what failed, instead of trying it again.",
    "priority": "P0 or P1.",
    "product_area": "The part of the product.",
}

COMMAND_HELPS = {"ticket": HELPS, "incident": INCIDENT_HELPS}
"""Noun -> field of a command -> its help."""

ACCOUNT_HELPS = {
    "id": "The customer's id.",
    "plan": "The customer's plan. What the CRM told of the account wins; unknown and unsaid, it is Standard.",
    "health": "How the account is doing.",
    "arr": "Its annual recurring revenue.",
    "fee": "A month's fee.",
    "csm": "Its customer success manager.",
    "zone": "The IANA zone of its support hours, such as Europe/Vienna.",
    "region": "Its region.",
}
