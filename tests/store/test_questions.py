"""Questions without a transaction: nothing is begun, and a connection is as it was for whoever uses it next."""

from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INTRANS
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.knowledge.searching import search
from store.database import Database

ONE = text("SELECT 1")


def status_of(session: Session) -> int:
    connection = session.connection().connection.dbapi_connection
    assert connection is not None
    return int(connection.info.transaction_status)


def test_a_question_begins_no_transaction_and_a_session_begins_one(database: Database) -> None:
    with database.questions() as session:
        assert session.scalar(ONE) == 1
        assert status_of(session) == TRANSACTION_STATUS_IDLE
    with database.session() as session:
        assert session.scalar(ONE) == 1
        assert status_of(session) == TRANSACTION_STATUS_INTRANS


def test_what_is_written_after_a_question_by_the_same_connection_is_one_transaction(database: Database) -> None:
    with database.questions() as session:
        pid = session.scalar(text("SELECT pg_backend_pid()"))
    with database.session() as session:
        assert session.scalar(text("SELECT pg_backend_pid()")) == pid
        session.execute(text("CREATE TABLE never (id int)"))
    with database.questions() as session:
        assert session.scalar(text("SELECT to_regclass('never')")) is None


def test_what_needs_a_transaction_has_one_also_where_a_page_shares_one_session(database: Database) -> None:
    with database.one_session():
        with database.session() as shared, database.session(transaction=True) as session:
            assert session is not shared
            session.execute(ONE)
            assert status_of(session) == TRANSACTION_STATUS_INTRANS
        assert search(database, "an export that fails").found == []
