"""A headless Chromium for the tests of this folder."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from werkzeug.serving import make_server

from app.accounts.passwords import hash_password
from app.llm.gateway import use_model
from tests.agent.scripted import ScriptedModel
from tests.browser.asking import PASSWORD, sign_in
from tests.builders import make_product, make_user
from tests.conftest import unavailable

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's own Chromium; playwright brings none here.

    A module's, not the session's: while playwright lives, its event loop counts as running in this thread.
    """
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        unavailable("Chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """The application behind a threaded server, with a customer and a product."""
    with app.app_context():
        make_user("alice", password_hash=hash_password(PASSWORD))
        make_product("SUN-1", name="防晒乳", name_en="Sun milk", price_cents=13_900, stock=5)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def play(app: Flask) -> Callable[..., None]:
    """Let a scripted model answer."""

    def use(*turns: object) -> None:
        with app.app_context():
            use_model(ScriptedModel(*turns))  # type: ignore[arg-type]

    return use


@pytest.fixture(params=[390, 1280])
def tab(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    """A signed-in customer's browser tab, on a phone and on a desk."""
    context = browser.new_context(
        viewport={"width": request.param, "height": 844}, locale="en-US", base_url=address
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    sign_in(page)
    yield page
    context.close()
    assert errors == []
