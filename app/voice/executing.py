"""Carrying out what was read out and agreed to, once: in order, what only reads side by side, up to the first failure."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from app.core.actor import Actor
from app.db import in_transaction
from app.tools.executor import execute as run_tool
from app.tools.rehearsal import Rehearsed
from app.voice import sessions, wording
from app.voice.dialogue import Asked, Step
from app.voice.planning import Made, rehearse_steps, tell
from app.voice.reads import CALLER
from app.voice.sessions import AGREED, ASKED, RUNNING, Session
from app.voice.side_by_side import side_by_side
from app.voice.spoken import Executed, nothing_open, step_of

# By which intent of the built-in model a reading tool's result is told.
TELLS = {
    "view_cart": "view_cart",
    "list_orders": "order_status",
    "get_order": "order_status",
    "list_coupons": "list_coupons",
}
NOT_DONE = "not_done"


def read(actor: Actor, action: str, params: dict[str, Any]) -> Executed:
    """A reading action, done at once."""
    made = run_tool(actor, action, params, caller=CALLER)
    if made.status != "ok":
        return failed(actor.locale, _message(made.result), "FAILED")
    return Executed(
        text=_told(actor, actor.locale, TELLS.get(action, ""), Made(action, params, made.result)),
        data=made.result,
        language=actor.locale,
    )


def failed(language: str, text: str, reason: str) -> Executed:
    return Executed(text=text, code="EXEC_FAIL", reason=reason, language=language)


def rounds_of(steps: Sequence[Step]) -> Iterator[list[tuple[int, Step]]]:
    """The steps with their numbers, those of one round to be done side by side: what only reads, never what writes."""
    for is_reading, group in groupby(enumerate(steps, 1), key=lambda each: bool(each[1].tells)):
        if is_reading:
            yield list(group)
        else:
            yield from ([each] for each in group)


@dataclass(frozen=True, slots=True)
class _Done:
    """A step and what became of it."""

    number: int
    step: Step
    status: str
    result: dict[str, Any]
    milliseconds: int = 0

    def as_data(self) -> dict[str, Any]:
        return {
            "action": self.step.action,
            "params": self.step.params,
            "status": self.status,
            "result": self.result,
            "milliseconds": self.milliseconds,
        }


class Execution:
    """One agreed question being carried out."""

    def __init__(self, actor: Actor, session: Session) -> None:
        self._actor, self._session = actor, session

    def run(self, action: str, params: dict[str, Any]) -> Executed:
        session = self._session
        asked = session.open_question
        if asked is None or session.asked_state != AGREED:
            language = session.state.asked.language if session.state.asked else self._actor.locale
            told = nothing_open(session, language)
            if asked is not None:
                text = wording.say(asked.language, "say_yes", question=asked.question)
                return failed(asked.language, text, "NOT_CONFIRMED")
            return failed(told.language, told.text, "NOT_CONFIRMED")
        self._actor = replace(self._actor, locale=asked.language)
        if not asked.is_the_same(action, params):
            return failed(asked.language, wording.say(asked.language, "other_than_read"), "OTHER_THAN_READ")
        now_it_is = rehearse_steps(self._actor, asked.steps)
        question = wording.question(asked.language, now_it_is)
        if any(step.error for step in now_it_is) or question != asked.question:
            return self._changed(asked, now_it_is, question)
        if not in_transaction(lambda: sessions.move(session, asked, AGREED, RUNNING)):
            return failed(asked.language, wording.say(asked.language, "used"), "USED")
        return self._carry_out(asked)

    def _changed(self, asked: Asked, steps: Sequence[Rehearsed], question: str) -> Executed:
        """Nothing is done; what can still be done is asked anew."""
        wrong = next((step for step in steps if step.error), None)
        if wrong is not None:
            message = str((wrong.error or {}).get("message") or "")
            return failed(asked.language, wording.say(asked.language, "failed", message=message), "CHANGED")
        again = asked.model_copy(
            update={
                "id": sessions.new_question_id(),
                "question": question,
                "steps": [step_of(s) for s in steps],
            }
        )
        self._session.state.asked = again
        in_transaction(lambda: sessions.store(self._session, asked_state=ASKED))
        return failed(asked.language, wording.say(asked.language, "changed", question=question), "CHANGED")

    def _carry_out(self, asked: Asked) -> Executed:
        done: list[_Done] = []
        for each_round in rounds_of(asked.steps):
            works = [lambda each=each: self._do(*each) for each in each_round]
            made = side_by_side(works, asked.language)
            for each in made:
                self._session.note(each.step.action, each.status, _message(each.result), each.milliseconds)
            done += made
            if any(each.status != "ok" for each in made):
                break
        return self._end(asked, done)

    def _do(self, number: int, step: Step) -> _Done:
        started = time.perf_counter()
        made = run_tool(self._actor, step.action, step.params, caller=CALLER, approved=step.fingerprint)
        return _Done(number, step, made.status, made.result, round((time.perf_counter() - started) * 1_000))

    def _end(self, asked: Asked, done: Sequence[_Done]) -> Executed:
        session, language = self._session, asked.language
        in_transaction(lambda: sessions.finish(session, asked))
        self._remember(asked, done)
        said = [self._say(language, each) for each in done if each.status == "ok"]
        left = asked.steps[len(done) :]
        steps = [each.as_data() for each in done]
        steps += [_Done(0, step, NOT_DONE, {}).as_data() for step in left]
        wrong = next((each for each in done if each.status != "ok"), None)
        if wrong is not None:
            said.append(_stopped(language, asked, wrong, left))
            return Executed(
                text=wording.sentences(language, said),
                data={"steps": steps},
                code="EXEC_FAIL",
                reason="FAILED",
                language=language,
            )
        if len(done) == 1 and (cart := wording.cart_text(language, done[0].result)):
            said.append(cart)
        data = done[0].result if len(done) == 1 else {"steps": steps}
        return Executed(text=wording.sentences(language, said), data=data, language=language)

    def _remember(self, asked: Asked, done: Sequence[_Done]) -> None:
        rounds = [*asked.rounds]
        made = [
            {"tool": d.step.action, "arguments": d.step.params, "result": d.result}
            for d in done
            if not d.step.tells
        ]
        rounds += [[each] for each in made if each["tool"] in ("place_order", "cancel_order")]
        self._session.state.remember(asked.said, rounds)
        self._session.state.asked = None

    def _say(self, language: str, done: _Done) -> str:
        made = Made(done.step.action, done.step.params, done.result)
        return _told(self._actor, language, done.step.tells, made)


def _told(actor: Actor, language: str, tells: str, made: Made) -> str:
    if tells and (text := tell(actor, language, tells, made)):
        return wording.for_the_ear(text)
    return wording.done_text(language, made.tool, made.arguments, made.result)


def _stopped(language: str, asked: Asked, wrong: _Done, left: Sequence[Step]) -> str:
    """Which step failed and why, and which steps were not done."""
    if len(asked.steps) == 1:
        return wording.say(language, "failed", message=_message(wrong.result))
    text = wording.say(language, "stopped", n=wrong.number, message=_message(wrong.result))
    if not left:
        return text
    names = wording.say(language, "line_join").join(wording.name_of(language, step.action) for step in left)
    return wording.sentences(language, [text, wording.say(language, "not_done", steps=names)])


def _message(result: dict[str, Any]) -> str:
    return str((result.get("error") or {}).get("message") or "")
