"""What every template may use: filters, assets with versions, the language, the nonce, the `ui` macros."""

from __future__ import annotations

import hashlib
import json
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, g, has_request_context, request
from flask_babel import get_translations
from markupsafe import Markup

from app.config import PROJECT_ROOT
from app.core.money import yuan
from app.runtime import settings
from app.web.auth import current_actor, signed_in
from app.web.i18n import HTML_LANG, current_locale, show_date, show_datetime
from app.web.security import csp_nonce

STATIC = PROJECT_ROOT / "static"


def init_templating(app: Flask) -> None:
    """Register globals and filters, and load the `ui` macros."""
    app.jinja_env.filters.update(cents=_thousands, datetime=show_datetime, date=show_date)
    app.jinja_env.globals.update(
        static_url=static_url,
        vendor_script=vendor_script,
        csp_nonce=csp_nonce,
        locale_name=current_locale,
        signed_in=signed_in,
        actor=current_actor,
        yuan=yuan,
    )
    # Flask-Babel looks the language up for each text again; a page has seventy of them.
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: _translations().ugettext(text),
        lambda one, many, number: _translations().ungettext(one, many, number),
        newstyle=True,
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.context_processor
    def language() -> dict[str, Any]:
        locale = current_locale()
        return {"locale": locale, "html_lang": HTML_LANG[locale]}


def _translations() -> Any:
    """The catalogue of the request's language, looked up once a request."""
    if "translations" not in g:
        g.translations = get_translations()
    return g.translations


def load_ui_macros(app: Flask) -> None:
    """Make the macros of `templates/ui/index.html` available as `ui.name(...)` in every template and block."""
    app.jinja_env.globals["ui"] = app.jinja_env.get_template("ui/index.html").module


def _thousands(cents: int) -> str:
    """Cents as yuan for reading: 1234550 -> "12,345.50"."""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def static_url(path: str) -> str:
    """URL of a static file with its content's version, so that it may be cached for ever."""
    root = request.script_root if has_request_context() else ""
    return f"{root}/static/{path}?v={_version(path, int(time.monotonic()))}"


@lru_cache(maxsize=1024)
def _version(path: str, _second: int) -> str:
    """The version of a file; looked at once a second, since a page asks for some of them many times."""
    file = STATIC / path
    return _content_version(file, file.stat().st_mtime_ns) if file.exists() else "0"


@lru_cache(maxsize=512)
def _content_version(path: Path, _stamp: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]


@lru_cache(maxsize=1)
def _vendor() -> dict[str, dict[str, str]]:
    manifest = STATIC / "vendor.json"
    return {item["name"]: item for item in json.loads(manifest.read_text())} if manifest.exists() else {}


def vendor_script(name: str) -> Markup:
    """The script tag of a pinned library: the local copy (`make assets`) when it is there, else the CDN with SRI."""
    item = _vendor()[name]
    local = f"vendor/{item['package']}-{item['version']}/{item['file']}"
    if (STATIC / local).exists():
        return Markup('<script defer src="{}" nonce="{}"></script>').format(static_url(local), csp_nonce())
    return Markup(
        '<script defer src="{}" integrity="{}" crossorigin="anonymous" nonce="{}"></script>'
    ).format(
        f"{settings().cdn_base}/{item['package']}@{item['version']}/{item['file']}",
        item["integrity"],
        csp_nonce(),
    )
