"""Server speech: a recording to text, text to sound (api.md, "Voice")."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, request
from pydantic import BaseModel, Field

from app.core.errors import N_, InvalidParam
from app.runtime import settings
from app.voice import speech
from app.web.api import Schema, endpoint
from app.web.auth import VISITOR, acting_visitor

bp = Blueprint("speech_api", __name__)
LIMIT = "30/minute"
# What a form adds to the file that it carries.
FORM_BYTES = 10_000


class HeardBody(BaseModel):
    """The words of a recording."""

    text: str


class SpeakBody(Schema):
    """What is to be spoken."""

    text: str = Field(min_length=1, max_length=speech.MAX_SPOKEN)


@endpoint(
    bp, "/v1/api/transcribe", method="POST", who=VISITOR, answers={200: HeardBody},
    errors=(403, 422, 429, 502, 503), limit=LIMIT, summary="A recording (form field `file`) as text",
)  # fmt: skip
def transcribe() -> HeardBody:
    """`language` (zh or en) helps. 503 without a speech provider."""
    actor = acting_visitor()
    if (request.content_length or 0) > settings().speech_max_bytes + FORM_BYTES:
        raise InvalidParam(fields={"file": N_("The recording is too long.")})
    sent = request.files.get("file")
    if sent is None:
        raise InvalidParam(fields={"file": N_("Send the recording as the form field “file”.")})
    asked = request.form.get("language", "")
    language = asked if asked in ("zh", "en") else actor.locale
    return HeardBody(text=speech.transcribe(sent.stream.read(settings().speech_max_bytes + 1), language))


@endpoint(
    bp, "/v1/api/speak", method="POST", who=VISITOR, body=SpeakBody, answers={200: "audio/mpeg"},
    errors=(403, 422, 429, 502, 503), limit=LIMIT, summary="Text as sound",
)  # fmt: skip
def speak(body: SpeakBody) -> Response:
    """503 without a speech provider."""
    sound, media_type = speech.speak(body.text)
    response = make_response(sound)
    response.mimetype = media_type if media_type.startswith("audio/") else "application/octet-stream"
    return response
