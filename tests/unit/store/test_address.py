"""A database's address in every form of libpq, or one line that says what to write and repeats no secret."""

import pytest

from store.address import AddressError, read_address


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        ("postgresql://u:p@h:5433/x", {"user": "u", "password": "p", "host": "h", "port": "5433", "dbname": "x"}),
        ("postgres://u@h/x", {"user": "u", "host": "h", "dbname": "x"}),
        ("postgresql+psycopg2://u@h/x", {"user": "u", "host": "h", "dbname": "x"}),
        ("postgresql+asyncpg://u@h/x", {"user": "u", "host": "h", "dbname": "x"}),
        (
            "postgresql://u:p@a:5998,b:5999/x?target_session_attrs=read-write",
            {
                "user": "u", "password": "p", "host": "a,b", "port": "5998,5999", "dbname": "x",
                "target_session_attrs": "read-write",
            },
        ),
        ("postgresql:///x?host=/var/run/postgresql", {"host": "/var/run/postgresql", "dbname": "x"}),
        ("postgresql://%2Fvar%2Frun/x", {"host": "/var/run", "dbname": "x"}),
        ("postgresql://[::1]:5432/x", {"host": "::1", "port": "5432", "dbname": "x"}),
        ("postgresql://u:p%40s%25s@h/x", {"user": "u", "password": "p@s%s", "host": "h", "dbname": "x"}),
        ("postgresql://u:a+b@h/x?application_name=a+b", {
            "user": "u", "password": "a+b", "host": "h", "dbname": "x", "application_name": "a+b",
        }),
        ("postgresql://?service=main", {"service": "main"}),
        ("service=main", {"service": "main"}),
        ("host=/tmp dbname=x password='a b'", {"host": "/tmp", "dbname": "x", "password": "a b"}),
        (" host=h dbname=a://b ", {"host": "h", "dbname": "a://b"}),
        ("postgresql://h/x?connection_limit=5&sslmode=require&pool_timeout=3", {
            "host": "h", "dbname": "x", "sslmode": "require",
        }),
    ],
)  # fmt: skip
def test_every_form_is_read(text, parameters):
    assert read_address(text).parameters == parameters
    assert not read_address(text).pooled


@pytest.mark.parametrize(
    "said", ["pgbouncer=true", "sslmode=require&pgbouncer=true", "pgbouncer=true&connection_limit=1"]
)
def test_a_pgbouncer_is_known(said):
    address = read_address(f"postgresql://u@h/x?{said}")
    assert address.pooled
    assert "pgbouncer" not in address.parameters


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("mysql://u:s3cret@h/x", "must begin with postgresql://"),
        ("jdbc:postgresql://h/x?password=s3cret", "must begin with postgresql://"),
        ("s3cret", "is no address of a PostgreSQL database: write postgresql://"),
        ("postgresql://u:s3@cret@h/x", "an @ in the user or password is written %40"),
        ("postgresql://u:s3cret100%@h/x", "a % in the user, password or name is written %25"),
        ("postgresql://u:s3cret@h/x?schema=public", "schema is no parameter that PostgreSQL knows: leave it out"),
        ("host=h schema=s3cret", "schema is no parameter that PostgreSQL knows: leave it out"),
        ("postgresql://u:s3cret@h:port/x", "'port' is no port: write a number such as 5432"),
        ("postgresql://u:s3cret@h:5432,i:99999/x", "'99999' is no port"),
        ("host=h password=s3cret 'x", "is no address of a PostgreSQL database"),
    ],
)
def test_what_is_no_address_is_told_in_one_line_without_the_secret(text, reason):
    with pytest.raises(AddressError) as caught:
        read_address(text)
    assert str(caught.value).startswith(reason)
    assert "s3" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("postgresql://u:p@a,b/x", "a,b/x"), ("service=main", "service main/"), ("dbname=x user=u", "localhost/x"),
        ("postgresql://u:p@h", "h/u"),
    ],
)  # fmt: skip
def test_the_place_that_is_shown_names_no_password(text, place):
    assert read_address(text).place == place
