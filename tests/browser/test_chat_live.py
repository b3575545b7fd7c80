"""The chat in a real browser: text as it comes, a reload in mid-answer, stop, a confirmation, the panel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from flask import Flask
from playwright.sync_api import Page, Route, expect
from sqlalchemy import update

from app.conversations.models import Confirmation
from app.core.clock import now
from app.db import transaction
from app.llm.client import ChatRequest, Finish, ModelEvent, TextDelta
from tests.agent.scripted import call, say
from tests.browser.asking import ask

FIRST, SECOND = "The first half **is", " here**.\n\nAnd the second half."
SHOWN = "The first half is here."


@dataclass
class Held:
    """A turn that says its first piece at once and the second when it is let go, or nothing more when stopped."""

    gate: threading.Event = field(default_factory=threading.Event)

    def __call__(self, request: ChatRequest) -> Iterator[ModelEvent]:
        yield TextDelta(FIRST)
        while not self.gate.wait(0.05):
            if request.cancelled():
                return
        yield TextDelta(SECOND)
        yield Finish("stop")


def test_an_answer_appears_as_it_is_made_and_survives_a_reload(tab: Page, play: Callable[..., None]) -> None:
    held = Held()
    play(held)
    tab.goto("/chat")
    ask(tab, "tell me")
    answer = tab.locator("article.message")
    expect(answer).to_contain_text("The first half **is")
    expect(tab.locator(".composer-stop")).to_be_visible()
    expect(tab.locator("#chat-content")).to_have_value("")

    tab.reload()
    expect(answer).to_contain_text("The first half **is")
    expect(answer.locator(".thinking")).to_be_visible()

    held.gate.set()
    expect(answer).to_contain_text("And the second half.")
    expect(answer.locator(".answer-text p")).to_have_text([SHOWN, "And the second half."])
    expect(answer.locator(".thinking")).to_have_count(0)
    expect(tab.locator(".composer-send")).to_be_visible()
    expect(tab.locator("#chat-announcer")).to_contain_text("And the second half.")
    tab.reload()
    expect(answer.locator(".answer-text p")).to_have_text([SHOWN, "And the second half."])


def test_a_dropped_line_is_taken_up_where_it_broke(tab: Page, play: Callable[..., None]) -> None:
    held = Held()
    play(held)
    tab.goto("/chat")
    ask(tab, "tell me")
    answer = tab.locator("article.message")
    expect(answer).to_contain_text("The first half **is")
    asked: list[str] = []

    def drop_first(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=200, content_type="text/event-stream", body=": open\n\n")
        else:
            route.continue_()

    tab.route("**/chat/runs/*/events*", drop_first)
    tab.reload()
    expect(answer).to_contain_text("The first half **is")
    held.gate.set()
    expect(answer.locator(".answer-text p")).to_have_text([SHOWN, "And the second half."])
    assert len(asked) >= 2


def test_stop_keeps_what_was_said(tab: Page, play: Callable[..., None]) -> None:
    play(Held(), say("Next answer."))
    tab.goto("/chat")
    ask(tab, "tell me")
    expect(tab.locator("article.message")).to_contain_text("The first half")
    tab.click(".composer-stop")
    expect(tab.locator("article.message")).to_contain_text("Stopped")
    expect(tab.locator("article.message")).to_contain_text("The first half")
    ask(tab, "go on")
    expect(tab.locator("article.message").nth(1)).to_contain_text("Next answer.")


def test_the_cart_fills_the_order_waits_for_a_yes_and_can_be_paid(
    tab: Page, play: Callable[..., None]
) -> None:
    play(
        call(("add_to_cart", {"sku": "SUN-1", "qty": 2})),
        say("Two are in your cart."),
        call(("place_order", {})),
        say("Please confirm."),
        say("Ordered."),
    )
    tab.goto("/chat")
    ask(tab, "two sun milks")
    expect(tab.locator("#cart-badge")).to_contain_text("2")
    expect(tab.locator("article.message").first).to_contain_text("Two are in your cart.")
    card = tab.locator("article.message").first.locator("details.tool")
    card.locator("summary").click()
    expect(card).to_contain_text("SUN-1")

    ask(tab, "order")
    question = tab.locator(".confirmation.is-pending")
    expect(question).to_contain_text("¥278.00")
    expect(question.locator("[data-countdown]")).to_contain_text(":")
    question.get_by_role("button").first.click()
    expect(tab.locator(".confirmation.is-approved")).to_be_visible()
    expect(tab.locator("article.message").last.get_by_role("link", name="Pay now")).to_be_visible()
    expect(tab.locator("#cart-badge")).to_be_hidden()


def test_a_yes_in_words_settles_the_card_too(tab: Page, play: Callable[..., None]) -> None:
    play(
        call(("add_to_cart", {"sku": "SUN-1"})),
        say("ok"),
        call(("place_order", {})),
        say("Sure?"),
        say("Done."),
    )
    tab.goto("/chat")
    for count, words in enumerate(("add SUN-1", "order", "yes"), 1):
        ask(tab, words)
        expect(tab.locator(".message-user")).to_have_count(count)
        expect(tab.locator(".composer-send")).to_be_visible()
    expect(tab.locator(".confirmation.is-approved")).to_be_visible()
    expect(tab.locator(".confirmation.is-pending")).to_have_count(0)


def test_the_panel_goes_on_with_the_conversation_on_any_page(tab: Page, play: Callable[..., None]) -> None:
    play(say("Hello."), say("In the panel."))
    tab.goto("/chat")
    ask(tab, "hi")
    expect(tab.locator("article.message")).to_contain_text("Hello.")

    tab.goto("/products")
    tab.get_by_role("button", name="Ask the assistant").click()
    panel = tab.locator("#assistant")
    expect(panel).to_contain_text("Hello.")
    expect(tab.locator("#chat-content")).to_be_focused()
    ask(tab, "and here?")
    expect(panel).to_contain_text("In the panel.")
    tab.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(tab.get_by_role("button", name="Ask the assistant")).to_be_focused()


def test_an_enter_that_ends_a_composition_sends_nothing(tab: Page, play: Callable[..., None]) -> None:
    play(say("Hello."))
    tab.goto("/chat")
    field = tab.locator("#chat-content")
    field.fill("fangshai")
    field.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True})
    field.press("Shift+Enter")
    expect(field).to_have_value("fangshai\n")
    expect(tab.locator(".message-user")).to_have_count(0)
    field.press("Enter")
    expect(tab.locator(".message-user")).to_have_text("Youfangshai")


def test_a_question_from_the_front_page_is_asked_at_once(tab: Page, play: Callable[..., None]) -> None:
    play(say("Here is one."))
    tab.goto("/")
    tab.fill("#hero-ask", "a sunscreen")
    tab.press("#hero-ask", "Enter")
    expect(tab.locator("article.message")).to_contain_text("Here is one.")
    tab.wait_for_url("**/chat?session=*")
    tab.reload()
    expect(tab.locator(".message-user")).to_have_count(1)


def test_a_question_whose_time_is_over_loses_its_buttons(
    tab: Page, play: Callable[..., None], app: Flask
) -> None:
    play(call(("add_to_cart", {"sku": "SUN-1"})), say("ok"), call(("place_order", {})), say("Sure?"))
    tab.goto("/chat")
    ask(tab, "add SUN-1")
    expect(tab.locator(".message-assistant .answer-text")).to_have_text("ok")
    expect(tab.locator(".composer-send")).to_be_visible()
    ask(tab, "order")
    question = tab.locator(".confirmation")
    expect(question.get_by_role("button")).to_have_count(2)
    with app.app_context(), transaction() as session:
        session.execute(update(Confirmation).values(expires_at=now() - timedelta(seconds=1)))
    tab.evaluate("document.querySelector('[data-countdown]').dataset.countdown = '2020-01-01T00:00:00Z'")
    expect(question).to_contain_text("The time to answer is over.")
    expect(question.get_by_role("button")).to_have_count(0)
