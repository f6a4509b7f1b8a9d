"""F5: a notice by e-mail, over a real SMTP server with TLS and sign-in."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from integrations.calls import Failure, RateLimited, Rejected, Unauthorized, Unreachable
from integrations.chat.port import Message
from integrations.mail.client import MailConfig, MailSink
from workers.embedded.temporal import free_port

ADDRESSES = {"lead": "leads@example.com", "ada": "ada@example.com", "*": "all@example.com"}


class Mailbox:
    """Keeps what arrives; refuses with `answer`, where it is set."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.to: list[str] = []
        self.answer = ""

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if self.answer:
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.to += envelope.rcpt_tos
        self.mails.append(envelope.content.decode())
        return "250 kept"


def signs_in(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
    return AuthResult(success=(given.login, given.password) == (b"tierline", b"s3cret"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and its certificate for 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail of tests")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("mail") / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return file


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox, certificate: Path) -> Iterator[Controller]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    made = Controller(
        mailbox, hostname="127.0.0.1", port=free_port(), tls_context=context, require_starttls=True,
        authenticator=signs_in, auth_required=True,
    )  # fmt: skip
    made.start()
    yield made
    made.stop()


def port_of(server: Controller) -> int:
    return int(server.server.sockets[0].getsockname()[1])  # type: ignore[union-attr]


def sink(server: Controller, certificate: Path | None, password: str = "s3cret", **more: Any) -> MailSink:
    config = MailConfig(
        host="127.0.0.1", port=port_of(server), user="tierline", password=SecretStr(password),
        sender="tierline@example.com", **more,
    )  # fmt: skip
    trusted = ssl.create_default_context(cafile=str(certificate)) if certificate else None
    return MailSink(config, {name: SecretStr(address) for name, address in ADDRESSES.items()}, trusted)


def notice(**more: Any) -> Message:
    given = {"id": "ticket-a:warning:1:lead", "kind": "warning", "audience": "lead", "recipient": "lead"}
    given |= {"title": "50 % of first response is used up", "text": "x", "at": datetime.now(UTC)}
    return Message.model_validate(given | more)


def test_a_notice_arrives_over_tls_after_signing_in(server: Controller, mailbox: Mailbox, certificate: Path) -> None:
    sink(server, certificate).send(
        notice(subject="Export fails", priority="P1", ticket="a", link="https://support.example.com/desk/tickets/a")
    )
    (mail,) = mailbox.mails
    assert mailbox.to == ["leads@example.com"]
    assert "Subject: P1 50 % of first response is used up: Export fails" in mail
    assert "Auto-Submitted: auto-generated" in mail
    assert "https://support.example.com/desk/tickets/a" in mail


def test_each_try_has_the_same_message_id_and_another_notice_another(
    server: Controller, mailbox: Mailbox, certificate: Path
) -> None:
    for key in ("one", "one", "two"):
        sink(server, certificate).send(notice(id=key))
    ids = [next(line for line in mail.splitlines() if line.startswith("Message-ID")) for mail in mailbox.mails]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(("recipient", "to"), [("ada", "ada@example.com"), ("ben", "leads@example.com")])
def test_a_person_comes_before_their_part(
    server: Controller, mailbox: Mailbox, certificate: Path, recipient: str, to: str
) -> None:
    sink(server, certificate).send(notice(recipient=recipient))
    assert mailbox.to == [to]


def test_a_customer_is_never_reached_by_the_address_for_all_of_ours(server: Controller, certificate: Path) -> None:
    customers = notice(audience="customer", recipient="acme")
    assert not sink(server, certificate).finds(customers)
    with pytest.raises(Rejected, match="nobody has an e-mail address"):
        sink(server, certificate).send(customers)


def test_a_text_adds_no_header(server: Controller, mailbox: Mailbox, certificate: Path) -> None:
    sink(server, certificate).send(notice(subject="x\r\nBcc: all@elsewhere.example\r\n\r\nhello"))
    assert mailbox.to == ["leads@example.com"]
    assert not [line for line in mailbox.mails[0].split("\r\n\r\n")[0].splitlines() if line.startswith("Bcc")]


@pytest.mark.parametrize(("answer", "failure"), [("450 later", RateLimited), ("550 no such mailbox", Rejected)])
def test_what_the_server_refuses_says_whether_it_may_go_through_later(
    server: Controller, mailbox: Mailbox, certificate: Path, answer: str, failure: type[Failure]
) -> None:
    mailbox.answer = answer
    with pytest.raises(failure) as refused:
        sink(server, certificate).send(notice())
    assert "example.com" not in str(refused.value)


def test_wrong_credentials_and_an_untrusted_server_get_nothing(
    server: Controller, mailbox: Mailbox, certificate: Path
) -> None:
    with pytest.raises(Unauthorized) as refused:
        sink(server, certificate, password="wr0ng").send(notice())
    assert "wr0ng" not in str(refused.value)
    with pytest.raises(Unreachable, match="not trusted"):
        sink(server, None).send(notice())
    assert mailbox.mails == []


def test_without_tls_only_this_machine_is_used() -> None:
    with pytest.raises(ValueError, match="on this machine"):
        MailConfig(host="mail.example.com", security="none", sender="tierline@example.com")
