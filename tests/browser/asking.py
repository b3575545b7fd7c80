"""What the browser tests of the chat do again and again."""

from __future__ import annotations

from playwright.sync_api import Page

PASSWORD = "a long password"


def sign_in(page: Page) -> None:
    """Sign Alice in through the form."""
    page.goto("/login")
    page.fill("[name=username]", "alice")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda url: "/login" not in url)


def ask(page: Page, content: str) -> None:
    """Say something in the chat."""
    page.fill("#chat-content", content)
    page.press("#chat-content", "Enter")
