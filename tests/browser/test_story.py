"""The whole story in a real browser: ask, watch the cart fill, say yes, pay, find the order; in both languages, wide and narrow.

With SCREENSHOTS set to a folder the pages are kept there (docs/screenshots holds the last ones).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]
KEEP = os.environ.get("SCREENSHOTS")
PASSWORD = "a long enough password"


@dataclass(frozen=True)
class Words:
    """What a customer of one language types and reads."""

    locale: str
    ask: str
    product: str
    order: str
    done: str


ZH = Words("zh-CN", "想买一支防晒，放进购物车", "轻盈防晒乳", "帮我下单", "已付款")
EN = Words(
    "en-US", "Please put a sunscreen into my cart", "Featherlight Sunscreen", "Check out please", "Paid"
)


@pytest.fixture(
    params=[(ZH, 1280), (ZH, 390), (EN, 1280), (EN, 390)], ids=lambda p: f"{p[0].locale[:2]}-{p[1]}"
)
def visit(
    request: pytest.FixtureRequest, browser: Browser, shop: RunningShop
) -> Iterator[tuple[Page, Words, str]]:
    """A new visitor's page; any script error or refused resource fails the test."""
    words, width = request.param
    context = browser.new_context(
        base_url=shop.url,
        locale=words.locale,
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    yield page, words, f"{words.locale[:2]}-{width}"
    context.close()
    assert complaints == []


def keep(page: Page, name: str) -> None:
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, f"{name} is {overflow} px too wide"
    if KEEP:
        page.screenshot(path=Path(KEEP) / f"{name}.png")


def test_a_stranger_asks_buys_and_finds_the_order(visit: tuple[Page, Words, str]) -> None:
    page, words, suffix = visit
    register(page)
    page.goto("/")
    keep(page, f"home-{suffix}")

    page.goto("/chat")
    say(page, words.ask)
    expect(page.locator("#chat-log")).to_contain_text(words.product, timeout=15_000)
    expect(page.locator("#cart-badge")).to_contain_text("1", timeout=10_000)

    say(page, words.order)
    confirmation = page.locator(".confirmation button[name=approve][value='1']").last
    expect(confirmation).to_be_visible(timeout=15_000)
    keep(page, f"chat-{suffix}")
    page.reload()
    expect(confirmation).to_be_visible()
    confirmation.click()
    pay = page.locator("#chat-log a[href*='/pay']").last
    expect(pay).to_be_visible(timeout=15_000)
    pay.click()

    expect(page).to_have_url(re.compile(r"/orders/\d+/pay"))
    keep(page, f"pay-{suffix}")
    page.locator("button[name=outcome][value=success]").click()
    expect(page).to_have_url(re.compile(r"/orders/\d+$"))
    expect(page.locator("main")).to_contain_text(words.done)
    keep(page, f"order-{suffix}")
    page.goto("/orders")
    expect(page.locator("main")).to_contain_text(words.product)
    expect(page.locator("main")).to_contain_text(words.done)
    keep(page, f"orders-{suffix}")


def register(page: Page) -> None:
    name = f"visitor{uuid4().hex[:8]}"
    page.goto("/register")
    page.fill("input[name=username]", name)
    page.fill("input[name=email]", f"{name}@example.com")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.locator("main form button[type=submit]").last.click()
    page.wait_for_url(re.compile(r"^(?!.*register)"))


def say(page: Page, text: str) -> None:
    expect(page.locator(".composer-send")).to_be_visible(timeout=15_000)
    page.fill("textarea[name=content]", text)
    page.press("textarea[name=content]", "Enter")
