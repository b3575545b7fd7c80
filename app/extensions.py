"""Flask extensions, made here and bound to an application in `create_app`."""

from __future__ import annotations

from flask import request
from flask_babel import Babel
from flask_limiter import Limiter
from flask_login import LoginManager, current_user
from flask_migrate import Migrate
from flask_wtf import CSRFProtect


def rate_limit_key() -> str:
    """Limits count per user where there is one, else per address."""
    if current_user.is_authenticated:
        return f"user:{current_user.user.id}"
    return f"ip:{request.remote_addr}"


babel = Babel()
csrf = CSRFProtect()
limiter = Limiter(key_func=rate_limit_key, headers_enabled=True, strategy="fixed-window")
login_manager = LoginManager()
migrate = Migrate(compare_type=True)
