"""Flask extensions, made here and bound to an application in `create_app`."""

from __future__ import annotations

from typing import Any

from flask import Flask, request
from flask_babel import Babel
from flask_limiter import Limiter
from flask_login import LoginManager, current_user
from flask_wtf import CSRFProtect

from app.config import PROJECT_ROOT
from app.db import db


def rate_limit_key() -> str:
    """Limits count per user where there is one, else per address."""
    if current_user.is_authenticated:
        return f"user:{current_user.user.id}"
    return f"ip:{request.remote_addr}"


babel = Babel()
csrf = CSRFProtect()
limiter = Limiter(key_func=rate_limit_key, headers_enabled=True, strategy="fixed-window")
login_manager = LoginManager()


class Migrations:
    """Stands for Flask-Migrate until a command asks it something: a server should not import Alembic, which takes long."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        from flask_migrate import Migrate

        # It takes this object's place in the application.
        Migrate(self._app, db, directory=str(PROJECT_ROOT / "migrations"), compare_type=True)
        return getattr(self._app.extensions["migrate"], name)
