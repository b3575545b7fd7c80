"""Tools in a real browser: what one says while it works, and the whole of a long result."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from app.tools.registry import registry
from tests.agent import talking_tools
from tests.agent.scripted import call, say
from tests.browser.asking import ask


@pytest.fixture(autouse=True)
def talking() -> Iterator[None]:
    registry.add_all(talking_tools.TOOLS)
    yield
    for spec in talking_tools.TOOLS:
        registry.discard(spec.name)


def test_a_tools_words_appear_while_it_works_and_stay(tab: Page, play: Callable[..., None]) -> None:
    play(call(("talk_count", {"to": 6, "seconds": 0.5, "word": "<b>step"})), say("Counted."))
    tab.goto("/chat")
    ask(tab, "count")
    card = tab.locator("details.tool")
    said = card.locator(".tool-said")
    expect(said).to_have_text("<b>step 1")
    expect(card).to_have_class("tool tool-running")
    expect(said).to_have_text("<b>step 1\n<b>step 2")

    tab.reload()
    expect(said).to_contain_text("<b>step 3")
    expect(card).to_have_class("tool tool-running")
    expect(card).to_have_class("tool tool-ok")
    expect(said).to_have_text("".join(f"<b>step {n}\n" for n in range(1, 7)))
    expect(tab.locator("article.message")).to_contain_text("Counted.")

    tab.reload()
    expect(said).to_be_hidden()
    card.locator("summary").click()
    expect(said).to_be_visible()
    expect(said).to_contain_text("<b>step 6")


def test_the_whole_of_a_long_result_opens_in_its_card(tab: Page, play: Callable[..., None]) -> None:
    play(
        call(("talk_long", {"to": 900, "word": "report"})),
        say("A summary ", "of it."),
        say("I have read it."),
    )
    tab.goto("/chat")
    ask(tab, "read it")
    answer = tab.locator("article.message")
    expect(answer).to_contain_text("I have read it.")
    card = answer.locator("details.tool")
    if not card.evaluate("card => card.open"):
        card.locator("summary").click()
    expect(card.locator(".tool-said")).to_have_text("A summary of it.")
    expect(card).not_to_contain_text("Sentence 450 of the report.")
    card.get_by_role("link", name="Open the whole result").click()
    expect(card.locator(".tool-code-whole")).to_contain_text("Sentence 450 of the report.")
    assert tab.url.split("?")[0].endswith("/chat")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
