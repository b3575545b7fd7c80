"""The consultants' page in a real browser: new customers appear by themselves, two take the same one, push is switched on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select

from app.accounts.passwords import hash_password
from app.consultants.models import ConsultantPresence
from app.core.actor import Role
from app.db import db
from app.delivery.models import PushSubscription
from tests.browser.asking import PASSWORD
from tests.builders import make_user
from tests.customers.buying import stock_shelves
from tests.delivery.push_service import Browser as PushBrowser
from tests.delivery.telling import registers

pytestmark = [pytest.mark.browser, pytest.mark.slow]
# A browser's own push, which needs its maker's service: it gives what the test has made.
PUSH = """
const told = %s;
const found = { endpoint: told.endpoint, options: { applicationServerKey: null }, toJSON: () => told, unsubscribe: async () => { window.gone = true; } };
Object.defineProperty(Notification, "requestPermission", { value: async () => "granted" });
navigator.serviceWorker.register = async (path) => { window.worker = path; return window.registration; };
navigator.serviceWorker.getRegistration = async () => window.registration;
window.registration = { pushManager: {
  getSubscription: async () => window.subscribed ? found : null,
  subscribe: async (options) => { window.subscribed = true; found.options = options; window.keyLength = options.applicationServerKey.length; return found; },
} };
"""


@pytest.fixture
def desk(app: Flask, address: str) -> str:
    with app.app_context():
        stock_shelves()
        for name in ("clara", "carl"):
            make_user(name, roles=(Role.CONSULTANT,), password_hash=hash_password(PASSWORD))
    return address


@contextmanager
def at_the_desk(
    browser: Browser, address: str, name: str, *, script: str = "", **more: object
) -> Iterator[Page]:
    """A consultant's window with the page open; it must have no errors."""
    context = browser.new_context(base_url=address, **{"locale": "en-US", **more})  # type: ignore[arg-type]
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    if script:
        page.add_init_script(script)
    page.goto("/login")
    page.get_by_label(re.compile("name", re.I)).first.fill(name)
    page.get_by_label(re.compile("password", re.I)).first.fill(PASSWORD)
    page.locator("main").get_by_role("button", name=re.compile("log in", re.I)).click()
    page.wait_for_url(lambda url: "/login" not in url)
    page.goto("/consultant")
    yield page
    context.close()
    assert errors == []


def customer(app: Flask, name: str) -> None:
    with app.app_context():
        registers(name)
        db.session.remove()


def test_a_new_customer_appears_and_is_announced(app: Flask, desk: str, browser: Browser) -> None:
    with at_the_desk(browser, desk, "clara") as page:
        expect(page.get_by_role("heading", name="Nobody waits")).to_be_visible()
        customer(app, "dora")
        expect(page.locator(".consult-guest")).to_contain_text("dora")
        expect(page.locator("[data-announcer]")).to_have_text("New customer: dora")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_of_two_who_take_the_same_customer_one_is_told(app: Flask, desk: str, browser: Browser) -> None:
    customer(app, "dora")
    with at_the_desk(browser, desk, "clara") as clara, at_the_desk(browser, desk, "carl") as carl:
        # Carl's page does not hear of it in time.
        carl.evaluate(
            "document.getElementById('consult').addEventListener('desk-changed', (e) => e.stopImmediatePropagation(), true)"
        )
        clara.get_by_role("button", name="Take dora").click()
        clara.wait_for_url(re.compile("/consultant/conversations/"))
        carl.get_by_role("button", name="Take dora").click()
        expect(carl.get_by_text("Another consultant has this customer already.")).to_be_visible()
        expect(carl.get_by_role("button", name="Take dora")).to_have_count(0)


def test_the_others_see_a_claimed_customer_go(app: Flask, desk: str, browser: Browser) -> None:
    customer(app, "dora")
    with at_the_desk(browser, desk, "clara") as clara, at_the_desk(browser, desk, "carl") as carl:
        carl.wait_for_timeout(500)
        clara.get_by_role("button", name="Take dora").click()
        expect(carl.get_by_role("button", name="Take dora")).to_have_count(0)
        expect(carl.get_by_role("heading", name="Nobody waits")).to_be_visible()


def test_the_status_is_switched_by_keyboard_and_seen_by_the_team(
    app: Flask, desk: str, browser: Browser
) -> None:
    with at_the_desk(browser, desk, "clara") as clara, at_the_desk(browser, desk, "carl") as carl:
        carl.wait_for_timeout(500)
        busy = clara.get_by_role("button", name="Busy")
        busy.focus()
        clara.keyboard.press("Enter")
        expect(busy).to_have_attribute("aria-pressed", "true")
        expect(busy).to_be_focused()
        row = carl.locator(".consult-people li", has_text="clara")
        expect(row).to_contain_text("Busy")
    with app.app_context():
        assert "busy" in db.session.scalars(select(ConsultantPresence.status)).all()


def test_push_is_switched_on_and_off(app: Flask, desk: str, browser: Browser) -> None:
    told = PushBrowser("https://8.8.8.8/push/clara").subscription()
    with at_the_desk(browser, desk, "clara", script=PUSH % json.dumps(told)) as page:
        page.get_by_role("button", name="Tell me in this browser").click()
        expect(page.locator("[data-line]")).to_contain_text("This browser tells you of new customers")
        assert page.evaluate("[window.worker, window.keyLength]") == ["/sw.js", 65]
        with app.app_context():
            assert db.session.scalars(select(PushSubscription.endpoint)).all() == [told["endpoint"]]
        page.get_by_role("button", name="Stop telling me here").click()
        expect(page.locator("[data-line]")).to_have_text("This browser tells you nothing any more.")
        with app.app_context():
            assert db.session.scalars(select(PushSubscription.endpoint)).all() == []


@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_in_both_languages(app: Flask, desk: str, browser: Browser, locale: str, width: int) -> None:
    customer(app, "somebody_whose_name_is_as_long_as_names_can_be_here")
    context = {"locale": "en-US", "viewport": {"width": width, "height": 844}}
    with at_the_desk(browser, desk, "clara", **context) as page:
        if locale == "zh-CN":
            page.locator(".locale-button").click()
            expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        expect(page.locator(".consult-guest")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_works_without_javascript(app: Flask, desk: str, browser: Browser) -> None:
    customer(app, "dora")
    with at_the_desk(browser, desk, "clara", java_script_enabled=False) as page:
        page.get_by_role("button", name="Busy").click()
        expect(page.locator(".consult-people li", has_text="clara")).to_contain_text("Busy")
        page.get_by_role("button", name="Take dora").click()
        page.wait_for_url(re.compile("/consultant/conversations/"))
