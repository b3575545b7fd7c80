"""What every template may use: filters, assets with versions, the language, the nonce, the `ui` macros."""

from __future__ import annotations

import json
import time
from functools import lru_cache
from typing import Any

from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from markupsafe import Markup

from app.core.money import yuan
from app.runtime import settings
from app.web.auth import current_actor, signed_in
from app.web.i18n import HTML_LANG, current_locale, show_date, show_datetime
from app.web.remembered import (
    CSRF_SLOT,
    csrf_field,
    frame,
    personal,
    remembered,
    translate,
    translate_number,
    with_csrf,
)
from app.web.security import csp_nonce
from app.web.static_files import STATIC, static_url


class ProcessCache(BytecodeCache):
    """Compiled templates of this process: each application of it (a test makes one) would compile them again."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[str, Any]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        checksum, code = self._kept.get(bucket.key, ("", None))
        if checksum == bucket.checksum:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.checksum, bucket.code


_compiled = ProcessCache()


def init_templating(app: Flask) -> None:
    """Register globals and filters, and load the `ui` macros."""
    app.jinja_env.filters.update(
        cents=_thousands, datetime=show_datetime, date=show_date, with_csrf=with_csrf
    )
    app.jinja_env.globals.update(
        static_url=static_url,
        vendor_script=vendor_script,
        csp_nonce=personal(csp_nonce),
        locale_name=current_locale,
        signed_in=personal(signed_in),
        actor=personal(current_actor),
        yuan=yuan,
        remembered=remembered,
        csrf_field=personal(csrf_field),
        csrf_slot=CSRF_SLOT,
        # Flask-Babel's look the language up for each text again; a page has a hundred of them.
        _=translate,
        gettext=translate,
        ngettext=translate_number,
    )
    app.jinja_env.bytecode_cache = _compiled
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.context_processor
    def language() -> dict[str, Any]:
        locale = current_locale()
        return {"locale": locale, "html_lang": HTML_LANG[locale]}


def load_ui_macros(app: Flask) -> None:
    """Make the macros of `templates/ui/index.html` available as `ui.name(...)` in every template and block."""
    app.jinja_env.globals["ui"] = app.jinja_env.get_template("ui/index.html").module


def _thousands(cents: int) -> str:
    """Cents as yuan for reading: 1234550 -> "12,345.50"."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


@lru_cache(maxsize=1)
def _vendor() -> dict[str, dict[str, str]]:
    manifest = STATIC / "vendor.json"
    return {item["name"]: item for item in json.loads(manifest.read_text())} if manifest.exists() else {}


def vendor_script(name: str) -> Markup:
    """The script tag of a pinned library: the local copy (`make assets`) when it is there, else the CDN with SRI."""
    source = _source(name, frame().root, int(time.monotonic()))
    return Markup(f'<script defer {source} nonce="{csp_nonce()}"></script>')  # noqa: S704 - escaped, or random


@lru_cache(maxsize=32)
def _source(name: str, _root: str, _second: int) -> Markup:
    """The tag's attributes; looked at once a second."""
    item = _vendor()[name]
    local = f"vendor/{item['package']}-{item['version']}/{item['file']}"
    if (STATIC / local).exists():
        return Markup('src="{}"').format(static_url(local))
    remote = f"{settings().cdn_base}/{item['package']}@{item['version']}/{item['file']}"
    return Markup('src="{}" integrity="{}" crossorigin="anonymous"').format(remote, item["integrity"])
