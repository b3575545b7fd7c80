"""Speech to text and text to speech by the configured provider: any with OpenAI's audio endpoints.

https://platform.openai.com/docs/api-reference/audio
"""

from __future__ import annotations

import io
import wave
from functools import lru_cache
from logging import getLogger
from typing import TYPE_CHECKING

import httpx2

from app.core.clock import now
from app.core.errors import N_, InvalidParam, Unavailable, Upstream
from app.core.ids import new_id
from app.runtime import settings

if TYPE_CHECKING:
    from openai import OpenAI

log = getLogger(__name__)
# How each kind of recording begins: what a file says of itself counts more than what its sender says of it.
_KINDS: tuple[tuple[str, int, bytes], ...] = (
    ("wav", 8, b"WAVE"),
    ("ogg", 0, b"OggS"),
    ("webm", 0, b"\x1aE\xdf\xa3"),
    ("flac", 0, b"fLaC"),
    ("mp4", 4, b"ftyp"),
    ("mp3", 0, b"ID3"),
    ("mp3", 0, b"\xff\xfb"),
    ("mp3", 0, b"\xff\xf3"),
)
# Of what is compressed the length is not read but bounded: speech takes no more than 128 kbit/s.
_BYTES_PER_SECOND = 16_000
MAX_SPOKEN = 1_000
MAX_TEXT = 2_000


def transcribe(audio: bytes, language: str) -> str:
    """The words of a recording. Raises Unavailable without a provider, InvalidParam, Upstream."""
    client = _client()
    kind = _checked(audio)
    if settings().speech_keep:
        _keep(audio, kind)
    try:
        heard = client.audio.transcriptions.create(
            file=(f"speech.{kind}", audio), model=settings().speech_transcribe_model, language=language
        )
    except Exception as error:
        raise _failed(error) from error
    return str(heard.text)[:MAX_TEXT].strip()


def speak(text: str) -> tuple[bytes, str]:
    """The text as sound, and its media type. Raises Unavailable without a provider, Upstream."""
    client, own = _client(), settings()
    try:
        answer = client.audio.speech.create(
            model=own.speech_speak_model, voice=own.speech_speak_voice, input=text[:MAX_SPOKEN]
        )
        sound = answer.content
    except Exception as error:
        raise _failed(error) from error
    if len(sound) > own.speech_max_bytes:
        raise Upstream()
    return sound, answer.response.headers.get("content-type", "audio/mpeg").partition(";")[0]


def _failed(error: Exception) -> Exception:
    """A provider that does not answer as it should is told as such; what is ours is raised as it is."""
    import openai

    if not isinstance(error, openai.OpenAIError | httpx2.HTTPError):
        return error
    log.warning("speech_provider_failed error=%s", type(error).__name__)
    return Upstream(N_("The speech service did not answer. Please write instead."))


def _client() -> OpenAI:
    own = settings()
    if not own.speech_base_url:
        raise Unavailable(N_("No speech service is set up here. Please write instead."))
    return _client_of(own.speech_base_url, own.speech_api_key, own.speech_timeout_seconds)


@lru_cache(maxsize=4)
def _client_of(base_url: str, key: str, seconds: float) -> OpenAI:
    # Its import takes half a second: not before somebody speaks.
    from openai import OpenAI

    http = httpx2.Client(trust_env=False, follow_redirects=False, timeout=seconds)
    return OpenAI(base_url=base_url, api_key=key or "none", http_client=http, timeout=seconds, max_retries=1)


def _checked(audio: bytes) -> str:
    """The kind of a recording that may be sent on. Raises InvalidParam."""
    own = settings()
    kind = next((kind for kind, at, mark in _KINDS if audio[at : at + len(mark)] == mark), None)
    if kind is None:
        raise InvalidParam(
            fields={
                "file": N_("This is no recording that can be read: use WAV, OGG, WebM, MP4, MP3 or FLAC.")
            }
        )
    seconds = _seconds_of_wav(audio) if kind == "wav" else len(audio) / _BYTES_PER_SECOND
    if len(audio) > own.speech_max_bytes or seconds > own.speech_max_seconds:
        raise InvalidParam(fields={"file": N_("The recording is too long.")})
    return kind


def _seconds_of_wav(audio: bytes) -> float:
    try:
        with wave.open(io.BytesIO(audio)) as recording:
            return float(recording.getnframes() / max(recording.getframerate(), 1))
    except (wave.Error, EOFError):
        raise InvalidParam(
            fields={
                "file": N_("This is no recording that can be read: use WAV, OGG, WebM, MP4, MP3 or FLAC.")
            }
        ) from None


def _keep(audio: bytes, kind: str) -> None:
    folder = settings().mcpshop_home / "voice"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / f"{now():%Y%m%d-%H%M%S}-{new_id()[:8]}.{kind}").write_bytes(audio)
