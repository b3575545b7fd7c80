"""The shapes of the voice API."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StrictBool, model_validator

from app.core.errors import N_
from app.voice.hearing import MAX_CHARS
from app.web.api import Schema

SessionId = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\w.:-]+$")]
UserId = int | Annotated[str, Field(max_length=20)] | None


class InterpretBody(Schema):
    """An utterance. `userId`, when given, must be the caller's own."""

    sessionId: SessionId
    userId: UserId = None
    text: str = Field(min_length=1, max_length=MAX_CHARS)
    locale: Literal["zh", "en"] | None = None


class ConfirmBody(Schema):
    """The answer to what was read out, in words or as yes or no; `confirmationId` binds it to one question."""

    sessionId: SessionId
    userId: UserId = None
    text: str | None = Field(default=None, min_length=1, max_length=MAX_CHARS)
    approve: StrictBool | None = None
    confirmationId: str | None = Field(default=None, max_length=32)

    @model_validator(mode="after")
    def _says_something(self) -> ConfirmBody:
        if (self.text is None) == (self.approve is None):
            raise ValueError(N_("Give either text or approve."))
        return self


class ExecuteBody(Schema):
    """What to do: just the action and the parameters that were agreed to."""

    sessionId: SessionId
    userId: UserId = None
    action: str = Field(min_length=1, max_length=64)
    params: dict[str, Any] = Field(default_factory=dict)


class StepBody(BaseModel):
    """A step, what became of it, and how long it took."""

    action: str
    params: dict[str, Any]
    status: str
    milliseconds: int


class SpokenBody(BaseModel):
    """What the voice says back. `confirmText` is to be spoken; `missing` names what is still to be said.

    `confidence` is 0 to 1; `source` how it was understood: as a word to the voice itself, by a sentence template, by the
    built-in grammar, or by a language model. `steps` are those of an answer to several questions.
    """

    type: Literal["confirm", "answer", "clarify", "execute", "cancelled"]
    action: str
    params: dict[str, Any]
    confirmText: str
    sessionId: str
    confirmationId: str | None = None
    expiresAt: datetime | None = None
    confidence: float
    missing: list[str]
    language: Literal["zh", "en"]
    source: Literal["command", "template", "grammar", "model"]
    steps: list[StepBody] = []


class ErrorBody(BaseModel):
    """Why it was not done; `reason` is NOT_CONFIRMED, EXPIRED, USED, OTHER_THAN_READ, CHANGED or FAILED."""

    code: Literal["EXEC_FAIL"]
    message: str
    reason: str


class ExecutedBody(BaseModel):
    """What became of it; `speakText` is to be spoken, and `error` says why when `success` is false."""

    success: bool
    data: dict[str, Any] = {}
    speakText: str
    error: ErrorBody | None = None
