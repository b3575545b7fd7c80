"""Mails reach a real SMTP server, or the folder of the home; once each, in the reader's language."""

from __future__ import annotations

import email
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from flask import Flask

from app.config import Settings
from app.db import db
from app.delivery.mail import Mail, compose, send
from app.delivery.wording import say
from tests.conftest import MakeApp
from tests.customers.buying import stock_shelves
from tests.delivery.telling import consultant, deliver, deliveries, registers
from tests.onboarding.registering import admin, set_values
from tests.running import free_port


class Mailbox:
    """What an SMTP server has taken; `answers` are given to RCPT first."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []
        self.logins: list[tuple[str, str]] = []

    async def handle_RCPT(
        self, _server: SMTP, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if self.answers:
            return self.answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Any) -> str:
        self.mails.append(email.message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
        return "250 taken"

    def check(self, _server: SMTP, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        login = data.login.decode(), data.password.decode()
        self.logins.append(login)
        return AuthResult(success=login == ("shop", "secret"))


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[Controller]:
    running = Controller(
        mailbox,
        hostname="127.0.0.1",
        port=free_port(),
        authenticator=mailbox.check,
        auth_require_tls=False,
    )
    running.start()
    yield running
    running.stop()


@pytest.fixture
def shop(make_app: MakeApp, server: Controller) -> Iterator[Flask]:
    app = make_app(
        smtp_host="127.0.0.1",
        smtp_port=server.port,
        smtp_tls="none",
        smtp_user="shop",
        smtp_password="secret",
        mail_from="Chengmei <desk@shop.example>",
        public_url="https://shop.example",
    )
    with app.app_context():
        stock_shelves()
        yield app
        db.session.rollback()


def test_a_mail_reaches_the_server(shop: Flask, mailbox: Mailbox) -> None:
    clara = consultant()
    registers("alice")
    deliver()
    assert mailbox.logins == [("shop", "secret")]
    mail = mailbox.mails[0]
    assert mail["Subject"] == "New customer: alice"
    assert mail["To"] == "clara@example.com" and mail["From"] == "Chengmei <desk@shop.example>"
    assert mail["Message-ID"].endswith("@shop.example>")
    row = deliveries(clara, channel="email")[0]
    assert (row.status, row.result, row.attempts) == ("sent", "smtp", 1)


def test_it_has_text_and_html_and_leads_to_the_page(shop: Flask, mailbox: Mailbox) -> None:
    consultant()
    registers("alice")
    deliver()
    mail = mailbox.mails[0]
    text = mail.get_body(("plain",)).get_content()
    html = mail.get_body(("html",)).get_content()
    for body in (text, html):
        assert "Hello clara," in body and "https://shop.example/consultant" in body
    assert 'lang="en"' in html


def test_each_reads_it_in_their_language(shop: Flask, mailbox: Mailbox) -> None:
    consultant("clara", "zh")
    consultant("carl", "en")
    registers("alice")
    deliver()
    subjects = {mail["To"]: mail["Subject"] for mail in mailbox.mails}
    assert subjects["carl@example.com"] == "New customer: alice"
    html = next(mail for mail in mailbox.mails if mail["To"] == "clara@example.com")
    assert 'lang="zh-CN"' in html.get_body(("html",)).get_content()


def test_a_server_that_is_busy_is_asked_again(shop: Flask, mailbox: Mailbox) -> None:
    clara = consultant()
    mailbox.answers.append("451 greylisted, come again")
    registers()
    deliver()
    row = deliveries(clara, channel="email")[0]
    assert (row.status, row.result) == ("pending", "smtp_451")
    deliver(timedelta(seconds=30))
    assert len(mailbox.mails) == 1
    assert deliveries(clara, channel="email")[0].status == "sent"


def test_an_address_that_does_not_exist_is_not_tried_again(shop: Flask, mailbox: Mailbox) -> None:
    clara = consultant()
    mailbox.answers.append("550 no such user")
    registers()
    deliver()
    row = deliveries(clara, channel="email")[0]
    assert (row.status, row.result) == ("failed", "smtp_550")
    assert "no such user" in row.error


def test_a_server_that_is_away_is_asked_again(shop: Flask, mailbox: Mailbox) -> None:
    clara = consultant()
    settings = shop.extensions["mcpshop_settings"]
    shop.extensions["mcpshop_settings"] = settings.model_copy(update={"smtp_port": free_port()})
    registers()
    deliver()
    row = deliveries(clara, channel="email")[0]
    assert (row.status, row.result) == ("pending", "unreachable")
    shop.extensions["mcpshop_settings"] = settings
    deliver(timedelta(seconds=30))
    assert len(mailbox.mails) == 1


def test_a_wrong_password_can_be_mended(shop: Flask, mailbox: Mailbox) -> None:
    settings = shop.extensions["mcpshop_settings"]
    shop.extensions["mcpshop_settings"] = settings.model_copy(update={"smtp_password": "wrong"})
    clara = consultant()
    registers()
    deliver()
    row = deliveries(clara, channel="email")[0]
    # Some servers hang up on the second way of signing in that is tried.
    assert row.status == "pending" and row.result in ("smtp_535", "unreachable")
    shop.extensions["mcpshop_settings"] = settings
    deliver(timedelta(seconds=30))
    assert len(mailbox.mails) == 1


def test_a_mail_that_is_sent_again_has_the_same_id(shop: Flask) -> None:
    mail = Mail("notification-7", "a@example.com", "Hello", "text", "<p>text</p>")
    settings = shop.extensions["mcpshop_settings"]
    assert compose(mail, settings)["Message-ID"] == compose(mail, settings)["Message-ID"]


def test_a_name_cannot_write_headers() -> None:
    said = say("customer.registered", {"username": "eve\r\nBcc: all@example.com"}, str)
    assert "\n" not in said.title and "\r" not in said.title


def test_markup_in_a_name_is_shown_as_text(shop: Flask, mailbox: Mailbox) -> None:
    from app.delivery.letters import _mail
    from app.delivery.wording import Said

    class Row:
        notification_id, username, email = 1, "<b>bo</b>", "bo@example.com"

    mail = _mail(Row, Said("<script>x</script>", "<i>y</i>", "/consultant"), "en")  # type: ignore[arg-type]
    assert "<script>" not in mail.html and "&lt;script&gt;" in mail.html
    assert "<script>x</script>" in mail.text


def test_without_a_server_a_mail_is_a_file(make_app: MakeApp) -> None:
    app = make_app()
    with app.app_context():
        stock_shelves()
        clara = consultant()
        registers("alice")
        deliver()
        folder = app.extensions["mcpshop_settings"].home_path / "mail"
        files = list(folder.glob("*.eml"))
        assert len(files) == 1 and not list(folder.glob(".*"))
        mail = email.message_from_bytes(files[0].read_bytes(), policy=default)
        assert mail["Subject"] == "New customer: alice"
        row = deliveries(clara, channel="email")[0]
        assert (row.status, row.result) == ("sent", "file")


def test_a_file_that_is_written_twice_is_one(tmp_path: Path) -> None:
    settings = Settings(app_env="test", mcpshop_home=tmp_path, _env_file=None)
    mail = Mail("notification-7", "a@example.com", "Hello", "text", "<p>text</p>")
    assert send(mail, settings) == send(mail, settings) == "file"
    assert len(list((tmp_path / "mail").iterdir())) == 1


def test_a_channel_that_is_off_is_not_used(shop: Flask, mailbox: Mailbox) -> None:
    set_values(admin(), channel_email=False, channel_in_app=False)
    consultant()
    registers()
    deliver()
    assert mailbox.mails == [] and deliveries() == []


@pytest.mark.parametrize("sender", ["nobody", "a@b\r\nBcc: x@y", "A <a@b> <c@d>", ""])
def test_a_sender_that_is_no_address_is_refused(tmp_path: Path, sender: str) -> None:
    with pytest.raises(ValueError, match="MAIL_FROM"):
        Settings(app_env="test", mcpshop_home=tmp_path, mail_from=sender, _env_file=None)
