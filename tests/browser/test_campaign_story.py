"""A campaign in a real browser, from one sentence to its result: plan, publish, find the coupon, redeem it, see it counted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.running import RunningShop

pytestmark = [pytest.mark.browser, pytest.mark.redis, pytest.mark.slow]
PASSWORD = "a long enough password"
# The product of this SKU costs more than the coupon's threshold.
SKU = "SKN-002"
Open = Callable[[], Page]


@pytest.fixture(params=[1280, 390])
def visitor(request: pytest.FixtureRequest, browser: Browser, shop: RunningShop) -> Iterator[Open]:
    """Opens pages of people who know nothing of each other; any script error fails the test."""
    contexts, complaints = [], list[str]()

    def open_page() -> Page:
        context = browser.new_context(
            base_url=shop.url,
            locale="en-US",
            viewport={"width": request.param, "height": 900},
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda message: complaints.append(message.text) if message.type == "error" else None
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def register(page: Page) -> None:
    name = f"buyer{uuid4().hex[:8]}"
    page.goto("/register")
    page.fill("input[name=username]", name)
    page.fill("input[name=email]", f"{name}@example.com")
    for field in page.locator("input[type=password]").all():
        field.fill(PASSWORD)
    page.locator("main form button[type=submit]").last.click()
    page.wait_for_url(re.compile(r"^(?!.*register)"))


def sign_in_as_operator(page: Page) -> None:
    page.goto("/login")
    page.fill("[name=username]", "operator")
    page.fill("[name=password]", "mcpshop-demo")
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)


def fits(page: Page) -> None:
    too_wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert too_wide <= 0, f"{page.url} is {too_wide} px too wide"


def test_a_sentence_becomes_a_coupon_that_a_customer_redeems(visitor: Open) -> None:
    buyer, desk = visitor(), visitor()
    register(buyer)
    sign_in_as_operator(desk)
    # A budget of its own, so that this is no plan that another run has published.
    budget = 4_000 + int(uuid4().hex[:3], 16)
    plan_and_publish(desk, f"20 off 100 for new customers, budget {budget} yuan, 7 days")
    address = desk.url

    buyer.goto("/coupons")
    expect(buyer.locator("main")).to_contain_text("20 off 100")
    redeem(buyer)

    desk.goto(address)
    results = desk.locator("#results")
    expect(results.locator(".stat", has_text="Redeemed").first).to_contain_text("1")
    expect(results.locator(".stat", has_text="Discount given").first).to_contain_text("¥20.00")
    expect(results.locator(".chart").first).to_have_attribute("role", "img", timeout=10_000)
    fits(desk)
    desk.goto("/ops/campaigns")
    expect(desk.locator("#campaigns")).to_contain_text("¥20.00")
    fits(desk)


def plan_and_publish(desk: Page, sentence: str) -> None:
    """Draft, see the estimate follow an edit, publish, and watch the receipt arrive without touching the page."""
    desk.goto("/ops/campaigns/new")
    desk.fill("#q", sentence)
    desk.click(".campaign-brief button[type=submit]")
    estimate = desk.locator("#estimate")
    expect(estimate).to_contain_text("In the segment")
    fits(desk)
    uses = desk.input_value("#max_redemptions")
    desk.fill("#max_redemptions", "100000")
    expect(estimate.locator(".alert-danger")).to_contain_text("less than 100000 redemptions", timeout=10_000)
    desk.fill("#max_redemptions", uses)
    expect(estimate.locator(".alert-danger")).to_have_count(0, timeout=10_000)
    desk.locator("#plan-form button.button-primary").click()
    desk.wait_for_url(re.compile(r"/ops/campaigns/\d+$"))
    expect(desk.locator("#live .pill").first).to_have_text("Published", timeout=30_000)
    expect(desk.locator(".campaign-step.is-success")).to_have_count(3)
    fits(desk)


def redeem(buyer: Page) -> None:
    """Buy something with the coupon and pay."""
    buyer.goto(f"/products/{SKU}")
    buyer.locator(
        "main form[action='/cart'] button[type=submit], main form[action*='cart'] button[type=submit]"
    ).first.click()
    expect(buyer.locator("#cart-badge")).to_contain_text("1", timeout=10_000)
    buyer.goto("/checkout")
    coupon = buyer.locator("label.choice", has_text="20 off 100").first
    coupon.click()
    expect(buyer.locator("#checkout-summary")).to_contain_text("20.00")
    buyer.locator("button[name=place]").click()
    buyer.wait_for_url(re.compile(r"/orders/\d+"))
    if "/pay" not in buyer.url:
        buyer.locator("a[href*='/pay']").first.click()
    buyer.locator("button[name=outcome][value=success]").click()
    buyer.wait_for_url(re.compile(r"/orders/\d+$"))
    expect(buyer.locator("main")).to_contain_text("Paid")
