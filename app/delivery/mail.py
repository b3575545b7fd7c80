"""One e-mail: to the configured SMTP server, or as a file in the folder `mail` of the home when there is none."""

from __future__ import annotations

import os
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from app.config import Settings
from app.core.clock import now
from app.delivery.errors import DeliveryFailed, TryAgain

# A worker waits for it, and whoever registers meanwhile for the worker.
SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Mail:
    """Who gets what; `key` names it so that a mail that was sent twice can be told to be the same."""

    key: str
    to: str
    subject: str
    text: str
    html: str


def send(mail: Mail, configured: Settings) -> str:
    """Hand the mail over; a word for where it went. Raises DeliveryFailed, TryAgain."""
    message = compose(mail, configured)
    if not configured.smtp_host:
        return _keep(mail, message, configured.home_path / "mail")
    try:
        _hand_over(message, configured)
    except smtplib.SMTPRecipientsRefused as error:
        code, told = next(iter(error.recipients.values()))
        raise _failed(code, told) from error
    except smtplib.SMTPAuthenticationError as error:
        # Ours to mend, not the reader's: it goes out once it is.
        raise TryAgain(
            f"smtp_{error.smtp_code}", "The mail server refuses SMTP_USER or SMTP_PASSWORD"
        ) from error
    except smtplib.SMTPResponseException as error:
        raise _failed(error.smtp_code, error.smtp_error) from error
    except smtplib.SMTPNotSupportedError as error:
        raise DeliveryFailed("smtp_unsupported", str(error)) from error
    except (smtplib.SMTPException, OSError) as error:
        raise TryAgain("unreachable", f"{type(error).__name__}: {error}") from error
    return "smtp"


def compose(mail: Mail, configured: Settings) -> EmailMessage:
    """The message with both parts. Its id follows from the key, so a second copy has the same."""
    message = EmailMessage()
    message["From"] = configured.mail_from
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(now())
    message["Message-ID"] = f"<{mail.key}@{configured.mail_address.rpartition('@')[2]}>"
    # No holiday reply, please.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    return message


def _hand_over(message: EmailMessage, configured: Settings) -> None:
    context = ssl.create_default_context()
    place = configured.smtp_host, configured.smtp_port
    # The machine's full name is asked for at a DNS server otherwise, which may take its time.
    name = socket.gethostname() or "localhost"
    if configured.smtp_tls == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(*place, local_hostname=name, timeout=SECONDS, context=context)
    else:
        server = smtplib.SMTP(*place, local_hostname=name, timeout=SECONDS)
    try:
        if configured.smtp_tls == "starttls":
            server.starttls(context=context)
        if configured.smtp_user:
            server.login(configured.smtp_user, configured.smtp_password)
        server.send_message(message)
    finally:
        # What was accepted is accepted, however the goodbye goes.
        with suppress(smtplib.SMTPException, OSError):
            server.quit()


def _failed(code: int, told: bytes | str) -> DeliveryFailed:
    text = told.decode("utf-8", "replace") if isinstance(told, bytes) else told
    # RFC 5321: 4xx may work later, 5xx will not.
    kind = TryAgain if 400 <= code < 500 else DeliveryFailed
    return kind(f"smtp_{code}", text[:200])


def _keep(mail: Mail, message: EmailMessage, folder: Path) -> str:
    """The file appears whole; written again it is the same file."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{mail.key}.part"
        unfinished.write_bytes(message.as_bytes())
        os.replace(unfinished, folder / f"{mail.key}.eml")
    except OSError as error:
        raise TryAgain("not_written", str(error)) from error
    return "file"
