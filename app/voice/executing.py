"""Carrying out what was read out and agreed to, once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.core.actor import Actor
from app.db import in_transaction
from app.tools.executor import execute as run_tool
from app.tools.rehearsal import Rehearsed
from app.voice import sessions, wording
from app.voice.dialogue import Asked
from app.voice.planning import CALLER, rehearse_calls
from app.voice.sessions import AGREED, ASKED, RUNNING, Session
from app.voice.spoken import Executed, nothing_open, step_of


def read(actor: Actor, action: str, params: dict[str, Any]) -> Executed:
    made = run_tool(actor, action, params, caller=CALLER)
    if made.status != "ok":
        return failed(actor.locale, str((made.result.get("error") or {}).get("message") or ""), "FAILED")
    text = wording.done_text(actor.locale, action, params, made.result)
    return Executed(text=text, data=made.result, language=actor.locale)


def failed(language: str, text: str, reason: str) -> Executed:
    return Executed(text=text, code="EXEC_FAIL", reason=reason, language=language)


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
        now_it_is = rehearse_calls(self._actor, [(step.action, step.params) for step in asked.steps])
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
        done: list[dict[str, Any]] = []
        said: list[str] = []
        failed = ""
        for number, step in enumerate(asked.steps, 1):
            started = time.perf_counter()
            made = run_tool(self._actor, step.action, step.params, caller=CALLER, approved=step.fingerprint)
            done.append(
                {"action": step.action, "params": step.params, "status": made.status, "result": made.result}
            )
            self._session.note(step.action, made.status, "", (time.perf_counter() - started) * 1_000)
            if made.status != "ok":
                message = str((made.result.get("error") or {}).get("message") or "")
                failed = wording.say(asked.language, "stopped", n=number, message=message)
                break
            said.append(wording.done_text(asked.language, step.action, step.params, made.result))
        return self._end(asked, done, said, failed)

    def _end(self, asked: Asked, done: list[dict[str, Any]], said: list[str], failed: str) -> Executed:
        session = self._session
        in_transaction(lambda: sessions.finish(session, asked))
        rounds = [*asked.rounds]
        made = [{"tool": d["action"], "arguments": d["params"], "result": d["result"]} for d in done]
        rounds += [[each] for each in made if each["tool"] in ("place_order", "cancel_order")]
        session.state.remember(asked.said, rounds)
        session.state.asked = None
        gap = "" if asked.language == "zh" else " "
        if failed:
            text = gap.join([*said, failed])
            return Executed(
                text=text, data={"steps": done}, code="EXEC_FAIL", reason="FAILED", language=asked.language
            )
        if len(done) == 1 and (cart := wording.cart_text(asked.language, done[0]["result"])):
            said.append(cart)
        data = done[0]["result"] if len(done) == 1 else {"steps": done}
        return Executed(text=gap.join(said), data=data, language=asked.language)
