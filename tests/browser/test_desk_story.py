"""The operators' desk in a real browser: examples, steps, charts, sorting, follow-ups, a reload; and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]


def sign_in(page: Page) -> None:
    page.goto("/login")
    page.fill("[name=username]", "operator")
    page.fill("[name=password]", "mcpshop-demo")
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)


@pytest.fixture(params=[1280, 390])
def page(request: pytest.FixtureRequest, browser: Browser, shop: RunningShop) -> Iterator[Page]:
    context = browser.new_context(
        base_url=shop.url,
        locale="en-US",
        viewport={"width": request.param, "height": 900},
        reduced_motion="reduce",
    )
    page, complaints = context.new_page(), list[str]()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    sign_in(page)
    page.goto("/ops")
    yield page
    context.close()
    assert complaints == []


def fits(page: Page) -> None:
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 0, f"{page.url} is {too_wide} px too wide"


def ask(page: Page, words: str) -> None:
    page.fill("#desk-query", words)
    page.press("#desk-query", "Enter")
    expect(page.locator(".desk-exchange").first.locator(".desk-said")).to_have_text(words, timeout=15_000)
    expect(page.locator(".desk-answer.is-running")).to_have_count(0, timeout=15_000)


def test_an_operator_asks_sorts_goes_on_and_comes_back(page: Page) -> None:
    expect(page.locator(".desk-empty")).to_be_visible()
    page.locator("button[name=example]").first.click()
    newest = page.locator(".desk-exchange").first
    expect(newest.locator("table")).to_be_visible(timeout=15_000)
    expect(page.locator(".desk-empty")).to_be_hidden()
    expect(newest.locator(".desk-understood")).to_contain_text("by store, day")
    expect(newest.locator(".chart canvas").first).to_be_visible()
    expect(newest.locator(".chart").first).to_have_attribute("role", "img")
    fits(page)

    ask(page, "only Shanghai, without the days")
    ask(page, "orders by channel for the last 30 days")
    assert page.input_value("#desk-query") == ""
    head = newest.locator("th", has_text="Orders")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending")
    figures = [int(text.replace(",", "")) for text in newest.locator("td.num").all_inner_texts()]
    assert figures == sorted(figures) and len(figures) == 3

    assert "session=" in page.url
    page.reload()
    expect(page.locator(".desk-exchange")).to_have_count(3)
    expect(page.locator(".desk-exchange").first.locator("table")).to_be_visible()
    ask(page, "and by day?")
    expect(newest.locator(".desk-understood")).to_contain_text("by channel, day")
    older = page.locator(".desk-exchange").last
    older.get_by_text("Show it in full").click()
    expect(older.locator("table")).to_be_visible()
    fits(page)
    newest.get_by_text("How it was made").click()
    expect(newest.locator(".desk-step")).to_have_count(4)
    with page.expect_download() as file:
        newest.get_by_role("link", name="CSV").click()
    assert re.fullmatch(r"report-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv", file.value.suggested_filename)


def test_a_question_back_a_reason_and_a_plan_fit_the_page(page: Page) -> None:
    ask(page, "how is business")
    page.locator(".desk-choices button").first.click()
    newest = page.locator(".desk-exchange").first
    expect(newest.locator(".stat-value")).to_be_visible(timeout=15_000)
    page.locator("button[name=example]").nth(1).click()
    expect(page.locator(".desk-exchange").first.locator(".diagnosis")).to_be_visible(timeout=30_000)
    fits(page)
    page.locator("button[name=example]").nth(2).click()
    plan = page.locator(".desk-exchange").first.locator(".desk-plan")
    expect(plan).to_contain_text("50 off 300", timeout=15_000)
    fits(page)
    page.get_by_role("link", name="Publish the newest plan").click()
    expect(page.locator("#plan-form")).to_be_visible()


def test_without_javascript_the_desk_is_a_form(browser: Browser, shop: RunningShop) -> None:
    context = browser.new_context(base_url=shop.url, locale="en-US", java_script_enabled=False)
    page = context.new_page()
    sign_in(page)
    page.goto("/ops")
    page.fill("#desk-query", "GMV by channel for the last 7 days")
    page.click("#desk-ask button.button-primary")
    expect(page.locator(".desk-exchange table")).to_contain_text("Offline")
    page.fill("#desk-query", "only offline")
    page.click("#desk-ask button.button-primary")
    expect(page.locator(".desk-exchange").first.locator(".desk-understood")).to_contain_text("Offline")
    expect(page.locator(".desk-exchange")).to_have_count(2)
    context.close()
