"""The whole dialogue by voice in a real browser, with a recogniser and a synthesiser that follow a script."""

from __future__ import annotations

from flask import Flask
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import update

from app.accounts.models import User
from app.db import db, transaction
from tests.builders import make_product

# Hears the lines of `heard` one after the other, with interim words before each; keeps what is spoken in `spoken`.
SCRIPT = """
window.spoken = []; window.starts = 0;
window.SpeechRecognition = class {
  start() {
    window.starts += 1;
    setTimeout(() => {
      this.onstart();
      const line = window.heard.shift();
      if (line === undefined) { return; }
      const result = (text, isFinal) => ({ results: [Object.assign([{ transcript: text }], { isFinal })] });
      this.onresult(result(line.slice(0, 3), false));
      setTimeout(() => { this.onresult(result(line, true)); this.onend(); }, 30);
    }, 10);
  }
  stop() { this.onend(); }
  abort() { setTimeout(() => this.onend && this.onend(), 5); }
};
window.webkitSpeechRecognition = window.SpeechRecognition;
window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
Object.defineProperty(window, "speechSynthesis", { value: {
  cancel() {}, getVoices: () => [],
  speak(saying) { window.spoken.push(saying.text); setTimeout(() => saying.onend(), 10); },
} });
"""


def _stock(app: Flask) -> None:
    with app.app_context():
        make_product("HAND-1", name="玫瑰护手霜", name_en="Rose Hand Cream", price_cents=4_900, stock=50)


def test_hands_free_from_the_wish_to_the_order(app: Flask, tab: Page) -> None:
    _stock(app)
    tab.add_init_script(
        "window.heard = ['um add two hand creams', 'make it three', 'yes', 'place the order', 'yes', 'stop'];"
        + SCRIPT
    )
    tab.goto("/")
    tab.locator("[data-voice-open]").click()
    panel = tab.get_by_role("dialog", name="Speak")
    expect(panel.get_by_role("status")).to_contain_text("Ready")
    panel.get_by_label("Hands free").check()
    panel.get_by_role("button", name="Speak").click()

    expect(panel.locator(".voice-answer").last).to_contain_text("Your order is placed", timeout=15_000)
    expect(panel.get_by_role("status")).to_have_text("Stopped", timeout=10_000)
    spoken = tab.evaluate("window.spoken")
    assert spoken[0] == "Put 2 of Rose Hand Cream in your cart at 49 yuan each, is that right?"
    assert spoken[1].startswith("Put 3 of Rose Hand Cream")
    assert spoken[2].startswith("3 of Rose Hand Cream are in your cart.")
    assert "147 yuan in all" in spoken[3]
    assert len(spoken) == 5
    said = panel.locator(".voice-said").all_inner_texts()
    assert said == ["um add two hand creams", "make it three", "yes", "place the order", "yes"]
    # Interim words are shown, and never acted upon.
    assert tab.evaluate("window.starts") == 6


def test_by_keyboard_and_with_buttons_and_without_a_microphone(app: Flask, tab: Page) -> None:
    _stock(app)
    tab.add_init_script("delete window.SpeechRecognition; delete window.webkitSpeechRecognition;")
    tab.goto("/voice")
    expect(tab.get_by_role("status").filter(has_text="no microphone")).to_be_visible()
    expect(tab.get_by_role("button", name="Speak", exact=True)).to_have_count(0)
    tab.get_by_label("What you would like").fill("add two hand creams")
    tab.keyboard.press("Enter")
    yes = tab.get_by_role("button", name="Yes, do it")
    expect(yes).to_be_visible()
    yes.focus()
    tab.keyboard.press("Enter")
    expect(tab.locator(".voice-answer").last).to_contain_text("2 of Rose Hand Cream are in your cart")
    expect(tab.locator("#cart-badge")).to_contain_text("2")
    assert tab.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_without_javascript_it_is_a_form(app: Flask, address: str, browser: Browser) -> None:
    _stock(app)
    context = browser.new_context(base_url=address, locale="zh-CN", java_script_enabled=False)
    page = context.new_page()
    page.goto("/voice")
    page.locator("#voice-text").fill("加两支护手霜")
    page.locator("[data-voice-form] button").click()
    page.get_by_role("button", name="不用了").or_(page.locator("[name=approve][value='1']")).first.click()
    expect(page.locator(".voice-answer")).to_contain_text("玫瑰护手霜 2 件已加入购物车")
    context.close()


PLACES = (
    "/",
    "/products",
    "/products/HAND-1",
    "/cart",
    "/orders",
    "/chat",
    "/ops",
    "/ops/reports",
    "/admin/voice",
)


def test_the_microphone_is_on_the_pages_of_shop_chat_and_desk(app: Flask, tab: Page) -> None:
    _stock(app)
    with app.app_context(), transaction():
        db.session.execute(update(User).where(User.username == "alice").values(role_names="customer admin"))
    tab.add_init_script("window.heard = [];" + SCRIPT)
    for place in PLACES:
        tab.goto(place)
        button = tab.locator("[data-voice-open]")
        expect(button).to_be_visible()
        button.click()
        panel = tab.get_by_role("dialog", name="Speak")
        expect(panel.get_by_role("status")).to_contain_text("Ready")
        expect(panel.get_by_role("button", name="Speak", exact=True)).to_be_visible()
        panel.get_by_label("What you would like").fill("show me my cart")
        tab.keyboard.press("Enter")
        expect(panel.locator(".voice-answer").last).to_contain_text("empty")
        tab.keyboard.press("Escape")
        expect(panel).to_be_hidden()
