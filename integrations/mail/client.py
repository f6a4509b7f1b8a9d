"""Notices by e-mail: one message for each notice, over SMTP with TLS.

Each try has the same Message-ID, made of the notice's key: a mailbox shows a repeat once, or as one conversation.
"""

import hashlib
import re
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import format_datetime
from ipaddress import ip_address
from typing import Literal

from pydantic import Field, SecretStr, model_validator

from domain.core.values import Frozen
from domain.policy.digest import DIGEST
from integrations.calls import RateLimited, Rejected, Unauthorized, Unknown, Unreachable
from integrations.chat.addresses import address_of, reaches_all_of
from integrations.chat.port import Message

ADDRESS = r"^[^@\s<>,;:\"()\\\[\]]{1,64}@[A-Za-z0-9.-]{1,255}$"


class MailConfig(Frozen):
    """How e-mail is sent."""

    host: str = Field(pattern=r"^[A-Za-z0-9.:-]{1,255}$")
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str | None = None
    password: SecretStr | None = None
    sender: str = Field(pattern=ADDRESS)
    timeout: float = Field(default=3.0, gt=0, le=3)
    """Seconds that each of the nine answers may take: together less than a notice's lease."""

    @model_validator(mode="after")
    def _safe(self) -> "MailConfig":
        if self.security == "none" and not _is_this_machine(self.host):
            raise ValueError("without TLS only a server on this machine is used")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together")
        return self


class MailSink:
    """Implements `Carrier` by SMTP."""

    def __init__(
        self, config: MailConfig, addresses: Mapping[str, SecretStr], context: ssl.SSLContext | None = None
    ) -> None:
        """`addresses` are e-mail addresses by person or part. `context` says whom to trust. Raises ValueError."""
        for name, address in addresses.items():
            if not re.fullmatch(ADDRESS, address.get_secret_value()):
                raise ValueError(f"{name}: an e-mail address is needed")
        self._config = config
        self._addresses = addresses
        self._context = context or ssl.create_default_context()

    def reaches(self, audience: str) -> bool:
        return reaches_all_of(self._addresses, audience)

    def finds(self, message: Message) -> bool:
        return address_of(self._addresses, message) is not None

    def send(self, message: Message) -> None:
        to = address_of(self._addresses, message)
        if to is None:
            raise Rejected(f"nobody has an e-mail address for {message.audience}", 404)
        mail = email_of(message, self._config.sender, to)
        try:
            with self._connected() as server:
                server.send_message(mail)
        except smtplib.SMTPAuthenticationError as error:
            raise Unauthorized(f"The mail server refuses our credentials ({error.smtp_code})") from None
        except smtplib.SMTPResponseException as error:
            raise _refused(error.smtp_code) from None
        except smtplib.SMTPRecipientsRefused as error:
            ((code, _),) = error.recipients.values()
            raise _refused(code) from None
        except smtplib.SMTPServerDisconnected:
            raise Unknown("The mail server closed the connection") from None
        except smtplib.SMTPNotSupportedError:
            raise Rejected("The mail server offers no TLS, or no sign-in", 501) from None
        except ssl.SSLError as error:
            raise Unreachable(f"The mail server's certificate is not trusted ({error.reason})") from None
        except TimeoutError:
            raise Unknown("The mail server did not answer in time") from None
        except OSError as error:
            raise Unreachable(f"The mail server cannot be reached ({type(error).__name__})") from None

    def _connected(self) -> smtplib.SMTP:
        """Return a connection that is encrypted, and signed in where credentials are set."""
        config = self._config
        if config.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                config.host, config.port, timeout=config.timeout, context=self._context
            )
        else:
            server = smtplib.SMTP(config.host, config.port, timeout=config.timeout)
        try:
            if config.security == "starttls":
                server.starttls(context=self._context)
            if config.user is not None and config.password is not None:
                server.login(config.user, config.password.get_secret_value())
        except smtplib.SMTPServerDisconnected:  # as some do after credentials that are wrong
            server.close()
            raise Unauthorized("The mail server closed the connection while we signed in") from None
        except BaseException:
            server.close()
            raise
        return server


def _refused(code: int) -> Exception:
    """Return the failure of an SMTP answer: 4xx may go through later, 5xx will not. The words may hold an address."""
    if 400 <= code < 500:
        return RateLimited(f"The mail server asks to try again later ({code})")
    return Rejected(f"The mail server refuses the message ({code})", code)


def email_of(message: Message, sender: str, to: str) -> EmailMessage:
    """Return a notice as a message of plain text. No header can be added by a text: each is on one line."""
    mail = EmailMessage()
    about = f": {message.subject}" if message.subject else ""
    priority = f"{message.priority} " if message.priority else ""
    mail["Subject"] = f"{priority}{message.title}{about}"
    mail["From"], mail["To"] = sender, to
    mail["Date"] = format_datetime(message.at)
    domain = sender.rpartition("@")[2]
    mail["Message-ID"] = f"<{hashlib.sha256(message.id.encode()).hexdigest()[:32]}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    due = f"Next due: {message.deadline:%Y-%m-%d %H:%M} UTC" if message.deadline else ""
    of = f"Ticket {message.ticket}" if message.ticket else ""
    listed = message.text if message.kind == DIGEST else ""
    parts = (message.title, message.subject, of, due, listed, message.link)
    mail.set_content("\n".join(filter(None, parts)) + "\n")
    return mail


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
