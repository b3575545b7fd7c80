"""Asking one way to an answer after the other, until one begins to speak."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from logging import getLogger

from app.gateway.alerts import Kind, raise_alert
from app.gateway.breaker import Breaker, State
from app.gateway.pump import Patience, events_of
from app.gateway.routing import OVERRIDE, Route
from app.llm.client import ChatRequest, ModelError, ModelEvent, TextDelta, ToolCall
from app.runtime import redis, settings
from app.tools.cancellation import Cancellation, Cancelled

log = getLogger(__name__)
# One more try of the same model for what often passes by itself, if it failed this fast, after a pause.
QUICK_SECONDS = 2.0
PAUSE_SECONDS = (0.05, 0.3)
# The request itself, or the key: another agent would only hide it.
REFUSALS = frozenset({400, 401, 403})
MakeRequest = Callable[[Route], ChatRequest]


class Answerer:
    """Asks the routes in order for each turn of one run; later turns begin with the one that answered.

    `first_token_at` is when the first word or call of the run came, on the monotonic clock.
    """

    def __init__(self, routes: Sequence[Route], *, breaker: Breaker | None = None) -> None:
        self._routes = list(routes)
        self._at = 0
        self._asked: set[str] = set()
        self._breaker = breaker or Breaker(redis())
        self.first_token_at: float | None = None

    @property
    def used(self) -> Route:
        """The route that answers, or was asked last."""
        return self._routes[self._at]

    @property
    def attempts(self) -> int:
        """How many routes were asked."""
        return len(self._asked)

    def turn(
        self, make_request: MakeRequest, cancellation: Cancellation, deadline: float
    ) -> Iterator[ModelEvent]:
        """One turn. `deadline` is on the monotonic clock.

        The next route is asked only as long as nothing was said or called. Raises Cancelled, ModelError.
        """
        for at in range(self._at, len(self._routes)):
            asking = self._admit(at)
            if asking is None:
                continue
            try:
                yield from self._ask(asking, make_request, cancellation, deadline)
                return
            except (Cancelled, GeneratorExit):
                asking.release()
                raise
            except Exception as error:
                asking.fail(error)
                is_last = at == len(self._routes) - 1 or time.monotonic() >= deadline
                if is_last or asking.has_spoken or _is_refusal(error):
                    raise
                log.warning("model_failed_over key=%s error=%r", asking.route.key, error)

    def _admit(self, at: int) -> _Asking | None:
        """Begin with a route; None when its breaker is open. The last one is always asked."""
        route = self._routes[at]
        state = self._breaker.admit(route.circuit) if route.is_ours else State.CLOSED
        if state is State.OPEN and at < len(self._routes) - 1:
            return None
        self._at = at
        self._asked.add(route.key)
        return _Asking(route, self._breaker, state)

    def _ask(
        self, asking: _Asking, make_request: MakeRequest, cancellation: Cancellation, deadline: float
    ) -> Iterator[ModelEvent]:
        request = make_request(asking.route)
        began = time.monotonic()
        patience = _patience(deadline)
        try:
            yield from self._once(asking, request, cancellation, patience)
            return
        except ModelError as error:
            used = time.monotonic() - began
            if asking.has_spoken or not _is_worth_a_retry(asking.route, error, used):
                raise
            log.info("model_retried key=%s error=%s", asking.route.key, error)
        time.sleep(random.uniform(*PAUSE_SECONDS))
        cancellation.check()
        used = time.monotonic() - began
        again = Patience(patience.first_token - used, patience.gap, patience.deadline)
        yield from self._once(asking, request, cancellation, again)

    def _once(
        self, asking: _Asking, request: ChatRequest, cancellation: Cancellation, patience: Patience
    ) -> Iterator[ModelEvent]:
        for event in events_of(asking.route.model, request, cancellation, patience):
            if not asking.has_spoken and isinstance(event, TextDelta | ToolCall):
                asking.has_spoken = True
                self.first_token_at = self.first_token_at or time.monotonic()
                yield event
                # After the word is out: it does not wait for Redis.
                asking.succeed()
            else:
                yield event
        if self.first_token_at is None:
            raise ModelError("UPSTREAM", "the model said nothing", retryable=True)


@dataclass(slots=True)
class _Asking:
    """One route being asked for one turn."""

    route: Route
    breaker: Breaker
    state: State
    has_spoken: bool = False

    def succeed(self) -> None:
        if self.route.is_ours:
            self.breaker.succeed(self.route.circuit, self.state)
            self.state = State.CLOSED

    def release(self) -> None:
        """Nobody waits for the outcome any more."""
        self.breaker.release(self.route.circuit, self.state)

    def fail(self, error: Exception) -> None:
        """Count it; where only a person can help, tell one."""
        if not self.route.is_ours:
            return
        if isinstance(error, ModelError) and not error.retryable:
            self.release()
            kind: Kind = "refused" if error.status else "address"
            raise_alert(self.route.key, self.route.agent_name, kind, error.status)
            return
        self.breaker.fail(self.route.circuit, self.state)
        if isinstance(error, ModelError) and error.retry_after:
            self.breaker.rest(self.route.circuit, error.retry_after)


def _patience(deadline: float) -> Patience:
    configured = settings()
    latest = time.monotonic() + configured.llm_total_timeout
    return Patience(configured.llm_first_token_timeout, configured.llm_gap_timeout, min(deadline, latest))


def _is_refusal(error: Exception) -> bool:
    return isinstance(error, ModelError) and error.status in REFUSALS


def _is_worth_a_retry(route: Route, error: ModelError, seconds: float) -> bool:
    """A test's script is never played twice."""
    may_pass = error.retryable and error.code not in ("TIMEOUT", "RATE_LIMITED")
    return may_pass and seconds < QUICK_SECONDS and route.key != OVERRIDE
