"""Hands free in a browser without a recogniser or a voice of its own: recorded, sent to the server, spoken by the server."""

from __future__ import annotations

import io
import json
import math
import shutil
import threading
import wave
from array import array
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from werkzeug.serving import make_server

from app.accounts.passwords import hash_password
from tests.browser.asking import PASSWORD, sign_in
from tests.browser.conftest import ARGUMENTS
from tests.builders import make_product, make_user
from tests.conftest import MakeApp

RATE = 16_000
NONE_OF_ITS_OWN = "delete window.SpeechRecognition; delete window.webkitSpeechRecognition;"


def sound(*parts: tuple[float, float]) -> bytes:
    """A WAV of tones: seconds and loudness (0 to 1) of each."""
    samples = array("h")
    for seconds, loudness in parts:
        count = int(seconds * RATE)
        samples.extend(
            int(32_000 * loudness * math.sin(2 * math.pi * 300 * at / RATE)) for at in range(count)
        )
    written = io.BytesIO()
    with wave.open(written, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(RATE)
        recording.writeframes(samples.tobytes())
    return written.getvalue()


class SpeechService:
    """Writes down the lines of a script whatever it hears, and keeps what it speaks."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.spoken: list[str] = []
        self.heard: list[int] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                is_speech = self.path.endswith("/audio/speech")
                if is_speech:
                    service.spoken.append(json.loads(body)["input"])
                    answer = sound((0.2, 0.3))
                else:
                    service.heard.append(len(body))
                    answer = json.dumps({"text": service.lines.pop(0)}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "audio/wav" if is_speech else "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


@pytest.fixture
def service() -> Iterator[SpeechService]:
    running = SpeechService()
    yield running
    running.server.shutdown()


@pytest.fixture
def tab(browser: Browser, make_app: MakeApp, service: SpeechService, tmp_path: Path) -> Iterator[Page]:
    """A phone's tab whose microphone hears a second of sound and three of silence, again and again."""
    microphone = tmp_path / "microphone.wav"
    microphone.write_bytes(sound((1.0, 0.5), (3.0, 0.0)))
    app = make_app(speech_base_url=service.url)
    with app.app_context():
        make_user("alice", password_hash=hash_password(PASSWORD))
        make_product("HAND-1", name="玫瑰护手霜", name_en="Rose Hand Cream", price_cents=4_900, stock=50)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    running = browser.browser_type.launch(
        executable_path=found,
        args=[*ARGUMENTS, *fake, f"--use-file-for-fake-audio-capture={microphone}", "--autoplay-policy=no-user-gesture-required"],
    )  # fmt: skip
    context = running.new_context(
        viewport={"width": 390, "height": 844},
        locale="en-US",
        base_url=f"http://127.0.0.1:{server.server_port}",
        permissions=["microphone"],
    )
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda line: errors.append(line.text) if line.type == "error" else None)
    page.add_init_script(NONE_OF_ITS_OWN)
    sign_in(page)
    yield page
    running.close()
    server.shutdown()
    assert errors == []


def test_hands_free_through_the_servers_ears_and_voice(tab: Page, service: SpeechService) -> None:
    service.lines = ["um add two hand creams", "make it three", "yes", "stop"]
    tab.goto("/")
    tab.locator("[data-voice-open]").click()
    panel = tab.get_by_role("dialog", name="Speak")
    expect(panel.get_by_role("status")).to_contain_text("Ready")
    panel.get_by_label("Hands free").check()
    panel.get_by_role("button", name="Speak").click()

    expect(panel.locator(".voice-answer").last).to_contain_text(
        "3 of Rose Hand Cream are in your cart", timeout=40_000
    )
    expect(panel.get_by_role("status")).to_have_text("Stopped", timeout=20_000)
    assert panel.locator(".voice-said").all_inner_texts() == [
        "um add two hand creams",
        "make it three",
        "yes",
    ]
    assert [text.partition(" in ")[0] for text in service.spoken[:2]] == [
        "Put 2 of Rose Hand Cream",
        "Put 3 of Rose Hand Cream",
    ]
    # Each recording ended by itself, soon after the words.
    assert len(service.heard) == 4 and service.lines == []
