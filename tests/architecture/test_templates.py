"""Every template compiles, and none needs what our CSP forbids."""

import re
from pathlib import Path

import pytest
from flask import Flask

from app.config import PROJECT_ROOT

TEMPLATES = sorted((PROJECT_ROOT / "templates").rglob("*.html"))
FORBIDDEN = re.compile(r"""\sstyle=|\son[a-z]+=["']|javascript:|<script(?![^>]*\bsrc=)|hx-on:""")


def test_every_template_compiles(app: Flask) -> None:
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)


@pytest.mark.parametrize(
    "path", TEMPLATES, ids=lambda path: str(path.relative_to(PROJECT_ROOT / "templates"))
)
def test_no_template_has_inline_script_or_style(path: Path) -> None:
    assert FORBIDDEN.findall(path.read_text(encoding="utf-8")) == []
