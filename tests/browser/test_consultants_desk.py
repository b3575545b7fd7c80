"""Three windows: a customer registers and is welcomed, two consultants hear of it and race, one talks, hands back, and is rated.

In both languages. With SCREENSHOTS set to a folder the pages are kept there, wide and narrow.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from app.accounts.passwords import hash_password
from app.config import Settings
from app.core.actor import Role
from app.db import db
from app.factory import create_app
from tests.builders import make_user
from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow, pytest.mark.timeout(300)]
KEEP = os.environ.get("SCREENSHOTS")
PASSWORD = "a long enough password"
PATIENCE = 30_000


@dataclass(frozen=True)
class Words:
    """What is typed and read in a language."""

    locale: str
    welcome: str
    asked: str
    answer: str
    back: str
    question: str


ZH = Words(
    "zh-CN", "欢迎来到澄美", "我皮肤很敏感，用什么好？", "敏感肌先从温和的洁面开始。", "由助手继续回复你",
    "有什么防晒？",
)  # fmt: skip
EN = Words(
    "en-US", "welcome to Chengmei", "My skin is sensitive, what do you suggest?", "Start with a mild cleanser.",
    "the assistant answers you again", "Do you have sunscreen?",
)  # fmt: skip


@dataclass(frozen=True)
class Windows:
    """Each person's tab, in a browser context of its own; `complaints` of all of them."""

    customer: Page
    clara: Page
    carl: Page
    complaints: list[str]


@pytest.fixture(scope="module")
def consultants(shop: RunningShop) -> tuple[str, str]:
    """Two consultants of this module's own in the running shop."""
    settings = Settings(
        app_env="test", mcpshop_home=shop.home, redis_url="redis://127.0.0.1:1/0", _env_file=None
    )
    app: Flask = create_app(settings)
    mark = uuid4().hex[:6]
    names = (f"clara{mark}", f"carl{mark}")
    with app.app_context():
        for name in names:
            make_user(name, roles=(Role.CUSTOMER, Role.CONSULTANT), password_hash=hash_password(PASSWORD))
        db.session.remove()
        db.engine.dispose()
    return names


@pytest.fixture(params=[ZH, EN], ids=["zh", "en"])
def words(request: pytest.FixtureRequest) -> Words:
    found: Words = request.param
    return found


@pytest.fixture
def windows(
    browser: Browser, shop: RunningShop, consultants: tuple[str, str], words: Words
) -> Iterator[Windows]:
    complaints: list[str] = []
    contexts = [
        browser.new_context(
            base_url=shop.url,
            locale=words.locale,
            viewport={"width": width, "height": 900},
            reduced_motion="reduce",
        )
        for width in (390, 1280, 1280)
    ]
    pages = [context.new_page() for context in contexts]
    for page in pages:
        page.on("pageerror", lambda error: complaints.append(str(error)))
    for page, name in zip(pages[1:], consultants, strict=True):
        sign_in(page, name)
    yield Windows(*pages, complaints)
    for context in contexts:
        context.close()
    assert complaints == []


def sign_in(page: Page, name: str) -> None:
    page.goto("/login")
    page.fill("main [name=username]", name)
    page.fill("main [name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)


def register(page: Page) -> str:
    name = f"guest{uuid4().hex[:8]}"
    page.goto("/register")
    page.fill("input[name=username]", name)
    page.fill("input[name=email]", f"{name}@example.com")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.locator("main form button[type=submit]").last.click()
    page.wait_for_url(re.compile(r"^(?!.*register)"))
    return name


def keep(page: Page, name: str) -> None:
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, f"{name} is {overflow} px too wide"
    if KEEP:
        page.screenshot(path=Path(KEEP) / f"{name}.png", full_page=True)


def write(page: Page, text: str) -> None:
    page.fill("#chat-content", text)
    page.press("#chat-content", "Enter")


def test_a_customer_is_welcomed_taken_over_handed_back_and_rates(windows: Windows, words: Words) -> None:
    customer, clara, carl = windows.customer, windows.clara, windows.carl
    mark = words.locale[:2]
    for page in (clara, carl):
        page.goto("/consultant")

    # Registering: the welcome appears by itself, and so does the customer on both consultants' pages.
    name = register(customer)
    card = customer.locator("#welcome")
    expect(card).to_contain_text(words.welcome, timeout=PATIENCE)
    keep(customer, f"welcome-{mark}")
    rows = [page.locator(".consult-guest", has_text=name) for page in (clara, carl)]
    for row in rows:
        expect(row).to_be_visible(timeout=PATIENCE)
    keep(clara, f"waiting-{mark}")

    # The race: both press at once; one has the customer, the other sees them go and is told why.
    for row in rows:
        row.locator("button[type=submit]").evaluate("button => setTimeout(() => button.click(), 0)")
    for row in rows:
        expect(row).to_have_count(0, timeout=PATIENCE)
    in_talk = re.compile("/consultant/conversations/")
    for _ in range(100):
        if any(in_talk.search(page.url) for page in (clara, carl)):
            break
        clara.wait_for_timeout(100)
    winner, loser = (clara, carl) if in_talk.search(clara.url) else (carl, clara)
    loser.wait_for_timeout(500)
    assert not in_talk.search(loser.url), "one winner"

    # Taking over by the first message; the customer reads it live and answers; the assistant keeps silent.
    expect(winner.locator("#talk-title")).to_contain_text(name)
    expect(winner.locator("#chat-log")).to_contain_text(words.welcome, timeout=PATIENCE)
    customer.goto(customer.locator("#welcome a.button-soft").get_attribute("href") or "/chat")
    expect(customer.locator("#chat-log")).to_contain_text(words.welcome)
    write(winner, words.answer)
    expect(customer.locator("#chat-log")).to_contain_text(words.answer, timeout=PATIENCE)
    write(customer, words.asked)
    expect(winner.locator("#chat-log")).to_contain_text(words.asked, timeout=PATIENCE)
    expect(customer.locator("#chat-person form")).to_be_visible()
    keep(customer, f"talk-customer-{mark}")
    keep(winner, f"talk-consultant-{mark}")
    assert customer.locator(".message-assistant").count() == 1, "only the welcome is the assistant's"
    for page in (customer, winner):
        said = page.locator("#chat-log").inner_text()
        assert (said.count(words.answer), said.count(words.asked)) == (1, 1), "each message stands there once"
    # A stranger at the desk sees nothing of it.
    answer = loser.request.get(winner.url)
    assert answer.status == 404

    # Handing back: the customer is told.
    winner.fill("#handback-note", "sensitive skin")
    winner.locator("form[action$='/handback'] button[type=submit]").click()
    expect(customer.locator("#chat-log")).to_contain_text(words.back, timeout=PATIENCE)
    assert "sensitive skin" not in customer.locator("#chat-log").inner_text()

    # The rating stands where the talk with the consultant ended.
    rating = customer.locator("#chat-rating")
    expect(rating).to_be_visible(timeout=PATIENCE)
    rating.locator("button[name=thumb][value=up]").click()
    expect(rating.locator("button[name=thumb][value=up]")).to_have_attribute("aria-pressed", "true")
    rating.locator("summary").click()
    rating.locator(".star").nth(4).click()
    keep(customer, f"rating-{mark}")
    rating.locator(".rating-form button[type=submit]").click()
    expect(rating.locator(".rating-summary .note")).to_contain_text("5")
    # The assistant answers again.
    write(customer, words.question)
    expect(customer.locator(".message-assistant")).to_have_count(2, timeout=PATIENCE)
