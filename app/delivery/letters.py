"""A delivery made ready: what is pushed or mailed, in its reader's language, and the one who sends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import render_template
from flask_babel import force_locale, gettext
from py_vapid import Vapid02
from sqlalchemy import Row

from app.config import Settings
from app.core.crypto import SealBroken
from app.delivery.errors import DeliveryFailed
from app.delivery.keys import signer
from app.delivery.mail import Mail, send
from app.delivery.rules import Channel
from app.delivery.subscriptions import private_places
from app.delivery.web_push import Browser, push
from app.delivery.wording import Said, say
from app.runtime import settings
from app.web.i18n import HTML_LANG, LOCALES, babel_locale


@dataclass(frozen=True, slots=True)
class Letter:
    """One of the two: a mail, or what a browser shows."""

    mail: Mail | None = None
    browser: Browser | None = None
    told: dict[str, Any] | None = None
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Sender:
    """What sending needs, read before the threads start: they have no application and no database."""

    settings: Settings
    key: Vapid02 | None

    @classmethod
    def of_application(cls) -> Sender:
        try:
            key = signer()
        except SealBroken:
            key = None
        return cls(settings(), key)

    def send(self, letter: Letter) -> str:
        """Raises DeliveryFailed and its kinds."""
        if letter.mail is not None:
            return send(letter.mail, self.settings)
        assert letter.browser is not None and letter.told is not None  # noqa: S101 - one of the two
        if self.key is None:
            raise DeliveryFailed(
                "key_lost", "SECRET_KEY was changed: run setup, and let browsers subscribe again"
            )
        return push(
            letter.browser,
            letter.told,
            topic=letter.topic,
            key=self.key,
            contact=f"mailto:{self.settings.mail_address}",
            private=private_places(self.settings),
        )


def letters_for(rows: Sequence[Row[Any]]) -> list[Letter]:
    """Each row's letter (see `sending`), in order."""
    return [_letter(row) for row in rows]


def _letter(row: Row[Any]) -> Letter:
    locale = row.locale if row.locale in LOCALES else settings().default_locale
    with force_locale(babel_locale(locale)):
        said = say(row.kind, row.payload or {}, gettext)
        if row.channel == Channel.EMAIL:
            return Letter(mail=_mail(row, said, locale))
    told = {"title": said.title, "body": said.text, "url": said.url, "id": row.notification_id}
    # Two pushes about one thing are one message on the screen, even if the first is still under way.
    topic = f"n{row.notification_id}"
    browser = Browser(row.endpoint, row.p256dh, row.auth)
    return Letter(browser=browser, told={**told, "tag": topic, "lang": HTML_LANG[locale]}, topic=topic)


def _mail(row: Row[Any], said: Said, locale: str) -> Mail:
    values = {
        # The templates' own keeps one language for as long as a job lasts.
        "_": gettext,
        "said": said,
        "name": row.username,
        "url": settings().site_url + said.url,
        "lang": HTML_LANG[locale],
    }
    return Mail(
        key=f"notification-{row.notification_id}",
        to=row.email,
        subject=said.title,
        text=render_template("emails/notification.txt", **values),
        html=render_template("emails/notification.html", **values),
    )
