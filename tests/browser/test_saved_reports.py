"""Saved reports in a real browser: keep an answer, give it a clock and an alert, share it, take a copy, delete it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]
Open = Callable[[str], Page]


@pytest.fixture(params=[1280, 390])
def someone(request: pytest.FixtureRequest, browser: Browser, shop: RunningShop) -> Iterator[Open]:
    """Opens a signed-in page of one of the demo's people; any script error fails the test."""
    contexts, complaints = [], list[str]()

    def open_page(username: str) -> Page:
        context = browser.new_context(
            base_url=shop.url,
            locale="en-US",
            viewport={"width": request.param, "height": 900},
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if is_fault(line) else None)
        page.goto("/login")
        page.fill("[name=username]", username)
        page.fill("[name=password]", "mcpshop-demo")
        page.click("main button[type=submit]")
        page.wait_for_url(lambda url: "/login" not in url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def is_fault(line: ConsoleMessage) -> bool:
    """A form that comes back with its mistakes (422) is one to the browser, not to us."""
    return line.type == "error" and "status of 422" not in line.text


def fits(page: Page) -> None:
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 0, f"{page.url} is {too_wide} px too wide"


def keep(page: Page, words: str, name: str) -> None:
    """Ask the desk and save its answer under a name; ends on the report's page."""
    page.goto("/ops")
    page.fill("#desk-query", words)
    page.press("#desk-query", "Enter")
    newest = page.locator(".desk-exchange").first
    expect(newest.locator(".desk-said")).to_have_text(words, timeout=15_000)
    newest.get_by_role("link", name="Save this report").click()
    page.fill("[name=name]", name)
    fits(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)


def test_a_report_is_kept_given_a_clock_shared_copied_and_deleted(someone: Open) -> None:
    name = f"Channels {uuid4().hex[:6]}"
    page = someone("operator")
    keep(page, "GMV and orders by channel for the last 7 days", name)
    expect(page.locator(".desk-understood")).to_contain_text("by channel")
    expect(page.locator(".desk-answer table")).to_contain_text("Offline")
    expect(page.locator(".chart canvas").first).to_be_visible()
    fits(page)

    # A wrong time and a wrong figure are told beside their fields; nothing is saved.
    page.select_option("[name=rhythm]", "weekly")
    page.select_option("[name=weekday]", "2")
    page.fill("[name=at]", "07:45")
    page.select_option("[name=alert_metric]", "gmv")
    page.fill("[name=alert_value]", "a lot")
    settings = page.locator("#settings")
    settings.get_by_role("button", name="Save").click()
    expect(page.locator("[name=alert_value]")).to_have_attribute("aria-invalid", "true")
    page.fill("[name=alert_value]", "1000000")
    settings.get_by_role("button", name="Save").click()
    expect(settings).to_contain_text("You get a message when it is ready")
    expect(page.locator("[name=weekday]")).to_have_value("2")
    fits(page)
    page.goto("/ops/reports")
    line = page.get_by_role("row").filter(has_text=name)
    expect(line).to_contain_text("Wednesday")
    fits(page)

    line.get_by_role("link", name=name).click()
    page.get_by_role("button", name="Make a link").click()
    link = page.input_value("#share-link")
    other = someone("admin")
    other.goto(link)
    expect(other.get_by_role("heading", level=1)).to_have_text(name)
    expect(other.locator(".desk-answer table")).to_contain_text("Offline")
    fits(other)
    other.get_by_role("button", name="Save a copy").click()
    expect(other.locator("#settings")).to_be_visible()
    mine = page.url
    assert other.url.partition("#")[0] != mine.partition("#")[0]
    # The copy is the other's own; the first one stays its maker's.
    assert other.request.get(mine.partition("#")[0]).status == 404

    page.get_by_role("button", name="Withdraw the link").click()
    expect(page.get_by_role("button", name="Make a link")).to_be_visible()
    assert other.request.get(link).status == 404
    page.get_by_role("button", name="Delete the report").click()
    page.locator("#confirm-dialog [data-confirm]").click()
    page.wait_for_url("**/ops/reports")
    expect(page.get_by_role("row").filter(has_text=name)).to_have_count(0)


def test_a_customer_sees_no_report_by_its_link(someone: Open) -> None:
    page = someone("operator")
    keep(page, "orders for the last 7 days", f"Orders {uuid4().hex[:6]}")
    page.get_by_role("button", name="Make a link").click()
    customer = someone("demo")
    assert customer.request.get(page.input_value("#share-link")).status in (403, 404)
