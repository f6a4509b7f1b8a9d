"""The knowledge base at the desk: figures, a draft from a search in vain, and articles beside a ticket."""

from domain.core.enums import Role
from services.knowledge import visits
from services.knowledge.importing import import_folder
from tests.support.desk_visitor import Visitor, at_ticket
from tests.support.knowledge import KB
from tests.support.served_api import Api

FILE = "---\ntitle: Airships\nowner: ada\n---\nMoor them.\n"


async def test_what_is_searched_for_in_vain_becomes_a_draft_that_is_saved_and_exported(api: Api) -> None:
    import_folder(api.db, KB)
    visits.look_for(api.db, "zzqx wwqyk", session=None, channel="tests")
    visitor = Visitor(api)
    await visitor.sign_in()
    page = await visitor.get("/desk/answers")
    assert "zzqx wwqyk" in page.text

    hidden = visitor.hidden(page, "/desk/answers/drafts")
    begun = await visitor.post("/desk/answers/drafts", hidden | {"query": "zzqx wwqyk"})
    address = begun.headers["Location"]
    draft = await visitor.get(address)
    assert "title: &#34;zzqx wwqyk&#34;" in draft.text

    wrong = await visitor.send(draft, address, {"slug": "nowhere/x", "text": FILE, "do": "save"})
    assert (wrong.status_code, "no section" in wrong.text) == (422, True)
    saved = await visitor.send(draft, address, {"slug": "faq/airships", "text": FILE, "do": "save"})
    assert saved.headers["Location"] == f"{address}?saved=yes"
    again = await visitor.get(address)
    export = await visitor.send(again, address, {"slug": "faq/airships", "text": FILE, "do": "export"})
    assert export.headers["Content-Disposition"] == 'attachment; filename="airships.md"'
    assert export.text == FILE
    stale = await visitor.send(draft, address, {"slug": "faq/airships", "text": FILE, "do": "discard"})
    assert stale.status_code == 409


async def test_articles_and_playbooks_stand_beside_a_ticket_and_a_step_of_one_is_recorded(api: Api) -> None:
    import_folder(api.db, KB)
    subject = "Export of October ends with an error"
    visitor, ticket, base = await at_ticket(api, Role.AGENT, subject=subject, product_area="reports")
    await api.take(ticket)
    page = await visitor.get(base)

    assert 'href="/desk/answers/article/troubleshooting/reports/export-error"' in page.text
    assert f'href="{base}/resolve?kb_article=troubleshooting/reports/export-error"' in page.text
    step = "Ask which month and which report, and whether another month works."
    places = [
        place
        for place in range(page.text.count(f'action="{base}/step"'))
        if visitor.hidden(page, f"{base}/step", place).get("text") == step
    ]
    hidden = visitor.hidden(page, f"{base}/step", places[0])
    assert (await visitor.post(f"{base}/step", hidden)).status_code == 303
    shown = (await api.get(f"/api/v1/tickets/{ticket}?seq=3")).json()
    assert "steps_taken" not in shown["missing"]["names"]
    assert f"<s>{step}</s>" in (await visitor.get(base)).text
