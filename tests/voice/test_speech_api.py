"""Server speech: bounds on what is sent, a provider that fails, none at all; nothing is kept unless asked for."""

from __future__ import annotations

import io
import json
import threading
import wave
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import MakeApp
from tests.voice.conftest import Speaker, speaker_in


def wav(seconds: float = 0.2) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(1)
        recording.setframerate(8_000)
        recording.writeframes(b"\x80" * int(8_000 * seconds))
    return written.getvalue()


class Provider:
    """An OpenAI-compatible speech service that answers as it is told."""

    def __init__(self) -> None:
        self.status, self.asked = 200, list[tuple[str, bytes]]()
        provider = self

        class Service(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                provider.asked.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(provider.status)
                is_speech = self.path.endswith("/audio/speech")
                self.send_header("Content-Type", "audio/mpeg" if is_speech else "application/json")
                self.end_headers()
                self.wfile.write(
                    b"ID3sound" if is_speech else json.dumps({"text": " 加两支护手霜 "}).encode()
                )

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"


@pytest.fixture
def provider() -> Iterator[Provider]:
    running = Provider()
    yield running
    running.server.shutdown()


@pytest.fixture
def speaker(make_app: MakeApp, provider: Provider) -> Speaker:
    return speaker_in(make_app(speech_base_url=provider.url, speech_max_seconds=5), "alice")


def test_a_recording_becomes_text_and_is_not_kept(speaker: Speaker, provider: Provider) -> None:
    answer = speaker.send_audio(wav(), language="zh")
    assert (answer.status_code, answer.get_json()) == (200, {"text": "加两支护手霜"})
    path, body = provider.asked[0]
    assert path == "/v1/audio/transcriptions" and b"whisper-1" in body and b"zh" in body
    assert not (speaker.home / "voice").exists()


def test_text_becomes_sound(speaker: Speaker, provider: Provider) -> None:
    answer = speaker.post("/v1/api/speak", text="两支护手霜，对吗？")
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "audio/mpeg", b"ID3sound")
    assert json.loads(provider.asked[0][1])["input"] == "两支护手霜，对吗？"


@pytest.mark.parametrize(
    "audio", [b"", b"MZ\x90\x00 a program", b"<html>", b"RIFF\x00\x00\x00\x00WAVEbroken", wav(6)]
)
def test_what_is_no_recording_or_too_long_is_not_sent_on(
    speaker: Speaker, provider: Provider, audio: bytes
) -> None:
    answer = speaker.send_audio(audio)
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (422, "INVALID_PARAM")
    assert answer.get_json()["error"]["fields"]["file"]
    assert provider.asked == []


def test_a_provider_that_fails_is_told_as_such(speaker: Speaker, provider: Provider) -> None:
    provider.status = 400
    answer = speaker.send_audio(wav())
    assert (answer.status_code, answer.get_json()["error"]["code"]) == (502, "UPSTREAM")
    assert speaker.post("/v1/api/speak", text="hello").status_code == 502


def test_without_a_provider_it_says_so(make_app: MakeApp) -> None:
    speaker = speaker_in(make_app(), "alice")
    for answer in (speaker.send_audio(wav()), speaker.post("/v1/api/speak", text="hello")):
        assert (answer.status_code, answer.get_json()["error"]["code"]) == (503, "UNAVAILABLE")


def test_recordings_are_kept_where_the_setting_says_so(make_app: MakeApp, provider: Provider) -> None:
    speaker = speaker_in(make_app(speech_base_url=provider.url, speech_keep=True), "alice")
    assert speaker.send_audio(wav()).status_code == 200
    (kept,) = (speaker.home / "voice").iterdir()
    assert kept.read_bytes() == wav()
