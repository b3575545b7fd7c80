"""The welcome in a real browser: it appears by itself on the page after registering, and takes one to five stars.

With SCREENSHOTS set to a folder the pages are kept there.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_consultants_desk import EN, PATIENCE, ZH, Words, keep, register
from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]


@pytest.mark.parametrize("words", [ZH, EN], ids=["zh", "en"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_new_customer_sees_the_welcome_and_rates_it(
    browser: Browser, shop: RunningShop, words: Words, width: int
) -> None:
    context = browser.new_context(
        base_url=shop.url,
        locale=words.locale,
        viewport={"width": width, "height": 900},
        reduced_motion="reduce",
    )
    page: Page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    name = register(page)
    card = page.locator("#welcome")
    expect(card).to_contain_text(words.welcome, timeout=PATIENCE)
    expect(card).to_contain_text(name)
    for score in (2, 5):
        card.locator(f"button[name=score][value='{score}']").click()
        expect(card.locator(".welcome-star.is-given")).to_have_count(score)
    keep(page, f"card-{words.locale[:2]}-{width}")
    card.locator("a.button-soft").click()
    expect(page.locator("#chat-log")).to_contain_text(words.welcome)
    expect(page.locator(".rating-summary .note")).to_contain_text("5")
    context.close()
    assert complaints == []
