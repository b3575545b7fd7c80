"""Building the application."""

from __future__ import annotations

from pathlib import Path

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

from app.config import PROJECT_ROOT, Settings
from app.core.logging import configure_logging
from app.db import db as database
from app.db import engine_options, prepare_engine
from app.extensions import Migrations, babel, csrf, limiter, login_manager
from app.runtime import init_runtime
from app.web.i18n import select_locale
from app.wiring import wire


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application. Nothing is connected to until the first request or command."""
    settings = settings or Settings()
    app = Flask(
        "app",
        template_folder=str(PROJECT_ROOT / "templates"),
        static_folder=str(PROJECT_ROOT / "static"),
        instance_path=str(settings.home_path),
    )
    app.url_map.strict_slashes = False
    # Its redirects would name the host that the caller claims.
    app.url_map.merge_slashes = False
    _configure(app, settings)
    configure_logging(settings.log_level, settings.home_path if settings.app_env != "test" else None)
    init_runtime(app, settings)
    _init_extensions(app, settings)
    wire(app, settings)
    return app


def _configure(app: Flask, settings: Settings) -> None:
    Path(settings.home_path).mkdir(parents=True, exist_ok=True)
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_uri,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_uri),
        SESSION_COOKIE_NAME="mcpshop",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.session_cookie_secure,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=settings.session_days * 86_400,
        MAX_CONTENT_LENGTH=settings.max_upload_bytes + 200_000,
        MAX_FORM_MEMORY_SIZE=200_000,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        BABEL_DEFAULT_LOCALE=settings.default_locale,
        BABEL_TRANSLATION_DIRECTORIES=str(PROJECT_ROOT / "app" / "translations"),
        RATELIMIT_ENABLED=settings.ratelimit_enabled,
        # The limiter has its own name for a Redis on a unix socket.
        RATELIMIT_STORAGE_URI=settings.redis_uri.replace("unix://", "redis+unix://", 1),
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        SEND_FILE_MAX_AGE_DEFAULT=3_600,
        TESTING=settings.app_env == "test",
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]


def _init_extensions(app: Flask, settings: Settings) -> None:
    database.init_app(app)
    with app.app_context():
        prepare_engine(database.engine)
    app.extensions["migrate"] = Migrations(app)
    babel.init_app(app, locale_selector=select_locale, timezone_selector=lambda: settings.shop_timezone)
    csrf.init_app(app)
    limiter.init_app(app)
    login_manager.init_app(app)
