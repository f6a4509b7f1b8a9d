"""Terms as rows. They never change, and few serve thousands of tickets, so each is kept once, by its digest."""

from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from domain.clocks.terms import Terms, intern_terms
from store.journal.content import sha256
from store.tables.journal import TermsRow

MOST = 256
"""Terms that a process keeps in memory."""


class _Record(NamedTuple):
    """What terms look like in the database."""

    terms: Terms
    digest: str
    body: dict[str, Any]


_BY_DIGEST: dict[str, Terms] = {}
_RECORDS: dict[int, _Record] = {}
"""By the identity of the terms: they are interned, and large."""


def terms_digest(terms: Terms) -> str:
    """Return the digest of terms.

    Fields at their defaults are left out, so that a field added later leaves the digests of older terms alone.
    """
    return _record_of(terms).digest


def keep_terms(session: Session, terms: Terms) -> str:
    """Make sure that terms are stored. Returns their digest."""
    known = _record_of(terms)
    row = {"digest": known.digest, "body": known.body}
    session.execute(insert(TermsRow).values(row).on_conflict_do_nothing())
    return known.digest


def find_terms(session: Session, digest: str) -> Terms:
    """Return the terms of a digest: one object for all who share them."""
    terms = _BY_DIGEST.get(digest)
    if terms is None:
        body = session.scalars(select(TermsRow.body).where(TermsRow.digest == digest)).one()
        terms = intern_terms(Terms.model_validate(body))
        if len(_BY_DIGEST) > MOST:
            _BY_DIGEST.clear()
        _BY_DIGEST[digest] = terms
    return terms


def _record_of(terms: Terms) -> _Record:
    known = _RECORDS.get(id(terms))
    if known is None or known.terms is not terms:
        if len(_RECORDS) > MOST:
            _RECORDS.clear()
        digest = sha256(terms.model_dump(mode="json", exclude_defaults=True))
        known = _Record(terms, digest, terms.model_dump(mode="json"))
        _RECORDS[id(terms)] = known  # with the terms themselves, so that no other object can get their id
    return known
