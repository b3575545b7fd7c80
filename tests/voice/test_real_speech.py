"""Spoken English, synthesised by espeak and recognised by pocketsphinx behind an OpenAI-compatible address, orders a product."""

from __future__ import annotations

import io
import shutil
import subprocess
import threading
import wave
from array import array
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import MakeApp, unavailable
from tests.voice.conftest import Speaker, speaker_in

RATE = 16_000
# What this small recogniser listens for; the shop knows nothing of it.
GRAMMAR = """#JSGF V1.0; grammar shop; public <said> = ( add | buy ) ( one | two | three ) ( lipstick | lipsticks | hand cream | hand creams ) |
place the order | show my cart | yes | no;"""


def synthesise(text: str, folder: Path) -> bytes:
    """The words as a WAV of 16 kHz, mono."""
    espeak = shutil.which("espeak-ng") or shutil.which("espeak")
    if espeak is None:
        unavailable("espeak-ng")
    target = folder / "speech.wav"
    subprocess.run([espeak, "-v", "en-us", "-s", "130", "-g", "6", "-w", str(target), text], check=True)
    with wave.open(str(target)) as spoken:
        rate, samples = spoken.getframerate(), array("h", spoken.readframes(spoken.getnframes()))
    written = io.BytesIO()
    with wave.open(written, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(RATE)
        recording.writeframes(_resampled(samples, rate).tobytes())
    return written.getvalue()


def _resampled(samples: array[int], rate: int) -> array[int]:
    """Linear interpolation, which speech bears."""
    step, count = rate / RATE, int(len(samples) * RATE / rate)
    found = array("h")
    for place in range(count - 2):
        at = int(place * step)
        part = place * step - at
        found.append(int(samples[at] * (1 - part) + samples[at + 1] * part))
    return found


@pytest.fixture
def recogniser() -> Iterator[str]:
    """A speech service of the tests' own: its address."""
    try:
        from pocketsphinx import Decoder
    except ImportError:
        unavailable("pocketsphinx")
    decoder = Decoder(samprate=RATE, loglevel="FATAL", lm=None)
    decoder.add_jsgf_string("shop", GRAMMAR)
    decoder.activate_search("shop")

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            with wave.open(io.BytesIO(sent[sent.index(b"RIFF") :])) as recording:
                frames = recording.readframes(recording.getnframes())
            decoder.start_utt()
            decoder.process_raw(frames, full_utt=True)
            decoder.end_utt()
            heard = decoder.hyp()
            body = b'{"text": "%s"}' % (heard.hypstr if heard else "").encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/v1"
    server.shutdown()


def _heard(speaker: Speaker, text: str, folder: Path) -> str:
    answer = speaker.send_audio(synthesise(text, folder))
    assert answer.status_code == 200, answer.get_json()
    return str(answer.get_json()["text"])


def test_spoken_words_order_a_product(
    make_app: MakeApp, demo: Callable[[Flask], Flask], recogniser: str, tmp_path: Path
) -> None:
    speaker = speaker_in(demo(make_app(speech_base_url=recogniser)), "alice")
    asked = speaker.say(_heard(speaker, "add one lipstick", tmp_path))
    assert asked["action"] == "add_to_cart" and "Lipstick" in asked["confirmText"]
    assert speaker.do(speaker.reply(_heard(speaker, "yes", tmp_path))).get_json()["success"]

    asked = speaker.say(_heard(speaker, "place the order", tmp_path))
    assert asked["action"] == "place_order" and "169 yuan" in asked["confirmText"]
    assert speaker.do(speaker.reply(_heard(speaker, "yes", tmp_path))).get_json()["success"]
    (order,) = speaker.orders()
    assert order["total_cents"] == 16_900
