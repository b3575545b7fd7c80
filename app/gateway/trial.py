"""Trying a version: one short turn through its own model, timed, and nothing of its key in what comes back.

Neither the breaker nor the alerts hear of it: the admin who tries sees how it went.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from logging import getLogger

from app.core.crypto import SealBroken, redacted
from app.core.errors import N_, DomainError
from app.gateway.keys import key_of
from app.gateway.models import AgentVersion
from app.gateway.providers import model_of
from app.gateway.pump import Patience, events_of
from app.llm.client import ChatModel, ChatRequest, Message, ModelError, TextDelta, Usage
from app.runtime import settings
from app.tools.cancellation import Cancellation

log = getLogger(__name__)
MAX_WORDS = 200
MAX_DETAIL = 300
# A model that does not heed max_tokens is listened to no further.
MAX_HEARD = 2_000
# Enough for a sentence, and for a model that thinks before it speaks to begin.
TRIAL_TOKENS = 256
QUESTIONS = {"zh": "请用一句话介绍你自己。", "en": "Introduce yourself in one sentence."}
EMPTY, KEY_UNREADABLE = "EMPTY", "KEY_UNREADABLE"
BY_STATUS = {
    400: N_("The service does not take the request. Check the model and its settings."),
    401: N_("The service refuses the key."),
    403: N_("The service refuses the key."),
    404: N_("The service knows no such address or model."),
}
BY_CODE = {
    "TIMEOUT": N_("The model did not answer in time."),
    "RATE_LIMITED": N_("The service refuses for now: too many requests, or its quota is used up."),
    EMPTY: N_("The model answered nothing."),
    KEY_UNREADABLE: N_("The stored key cannot be opened, since SECRET_KEY was changed. Enter it again."),
}
OTHERWISE = N_("The service did not answer properly.")


@dataclass(frozen=True, slots=True)
class TrialError:
    """Why there was no answer. `message` is a msgid; `detail` what the service said, the key taken out."""

    code: str
    message: str
    detail: str = ""


@dataclass(slots=True)
class Trial:
    """What one try showed. Times are milliseconds from the start; `words` are the first of the answer."""

    version: int
    provider: str
    model: str
    latency_ms: int = 0
    first_token_ms: int | None = None
    words: str = ""
    usage: Usage | None = None
    error: TrialError | None = None


def try_version(version: AgentVersion, locale: str) -> Trial:
    """Ask the version's model for a sentence, with the time limits of an answer to a customer.

    Needs no database. The model's failures are the trial's `error`, not raised.
    """
    trial = Trial(version.number, version.provider, version.model or version.app_id or version.provider)
    started, key = time.monotonic(), ""
    try:
        key = key_of(version)
        model = model_of(version)
        trial.model = model.name
        # Its library may have been loaded just now, for a second: that is no time of the model's.
        started = time.monotonic()
        _listen(trial, model, _request(version, locale), started)
    except SealBroken:
        trial.error = TrialError(KEY_UNREADABLE, BY_CODE[KEY_UNREADABLE])
    except ModelError as error:
        trial.error = _told(error, key)
    except DomainError as error:
        trial.error = TrialError(error.code, error.message % error.params)
    trial.latency_ms = _ms_since(started)
    trial.words = redacted(key, trial.words)[:MAX_WORDS]
    log.info("agent_tried agent=%s version=%s ms=%s", version.agent_id, version.number, trial.latency_ms)
    return trial


def _request(version: AgentVersion, locale: str) -> ChatRequest:
    prompt = version.system_prompt
    system: list[Message] = [{"role": "system", "content": prompt}] if prompt else []
    return ChatRequest(
        messages=[*system, {"role": "user", "content": QUESTIONS[locale]}],
        tools=(),
        locale=locale,
        temperature=version.temperature,
        max_tokens=min(version.max_tokens or TRIAL_TOKENS, TRIAL_TOKENS),
        user="console",
    )


def _listen(trial: Trial, model: ChatModel, request: ChatRequest, started: float) -> None:
    limits = settings()
    patience = Patience(
        limits.llm_first_token_timeout, limits.llm_gap_timeout, started + limits.llm_total_timeout
    )
    for event in events_of(model, request, Cancellation(), patience):
        if isinstance(event, Usage):
            trial.usage = event
        if not isinstance(event, TextDelta):
            continue
        if trial.first_token_ms is None:
            trial.first_token_ms = _ms_since(started)
        trial.words += event.content
        if len(trial.words) > MAX_HEARD:
            break
    if not trial.words.strip():
        raise ModelError(EMPTY)


def _ms_since(moment: float) -> int:
    return round((time.monotonic() - moment) * 1000)


def _told(error: ModelError, key: str) -> TrialError:
    message = BY_STATUS.get(error.status or 0) or BY_CODE.get(error.code, OTHERWISE)
    detail = "" if str(error) == error.code else redacted(key, str(error))[:MAX_DETAIL]
    return TrialError(error.code, message, detail)
