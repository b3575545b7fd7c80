"""One utterance within its dialogue: a command, a correction, a question for figures, or something for the shop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from app.core.actor import Actor
from app.db import in_transaction
from app.insights.question import Question
from app.language.normalise import detect_language
from app.tools.rehearsal import Rehearsed
from app.voice import sessions, wording
from app.voice.commands import command_of
from app.voice.corrections import (
    Swap,
    answer_to,
    asks_to_order,
    corrected,
    is_addition,
    swapped,
    without_prefix,
)
from app.voice.dialogue import Asked, Step
from app.voice.interpreter import EXACT, GRAMMAR, MISSING, NEAR, Meant, figures, meaning
from app.voice.planning import Made, Played, play, rehearse_steps
from app.voice.sessions import DENIED, Session
from app.voice.spoken import BUILTIN, TEMPLATE, Spoken, spoken_of, step_of


class Turn:
    """One utterance within its dialogue."""

    def __init__(self, actor: Actor, session: Session, said: str, is_reply: bool) -> None:
        self._session, self._said = session, said
        self._kind = "clarify" if is_reply else "confirm"
        self._open = session.open_question
        fallback = self._open.language if self._open else actor.locale
        self._language = detect_language(said, fallback)
        # Names and errors come in the language that is spoken.
        self._actor = replace(actor, locale=self._language)

    def take(self) -> Spoken:
        if not self._said:
            return self._say("clarify", "not_heard")
        if spoken := self._commanded():
            return spoken
        if self._open is not None and (spoken := self._about_the_question(self._open)):
            return spoken
        previous = self._session.state.question
        told = figures(
            self._actor, self._said, Question.model_validate(previous) if previous else None, self._language
        )
        if told is not None:
            self._session.state.question = told.question.model_dump(mode="json") if told.question else None
            return Spoken(
                type="answer",
                text=wording.for_the_ear(told.text),
                action=told.action,
                params={"question": self._said},
                confidence=EXACT if told.is_exact else GRAMMAR,
                language=self._language,
                source=TEMPLATE if told.is_exact else BUILTIN,
            )
        return self._of_the_shop(self._said, self._session.state.held)

    def _say(self, kind: str, key: str, **slots: object) -> Spoken:
        return Spoken(type=kind, text=wording.say(self._language, key, **slots), language=self._language)

    def _commanded(self) -> Spoken | None:
        command = command_of(self._said)
        if command == "help":
            text = wording.say(self._language, "help")
            if self._actor.is_staff:
                text += " " + wording.say(self._language, "help_operator")
            return Spoken(type="answer", text=text, action="help", confidence=EXACT, language=self._language)
        if command == "repeat":
            last = self._session.state.last_said
            if self._open is not None:
                return spoken_of(self._open, self._kind, self._open.question, EXACT)
            return Spoken(
                type="answer",
                text=last or wording.say(self._language, "nothing_to_repeat"),
                action="repeat",
                confidence=EXACT,
                language=self._language,
            )
        if command == "cancel" and (self._open is not None or self._session.state.held):
            return self._cancelled()
        return None

    def _cancelled(self) -> Spoken:
        if self._open is not None:
            asked, session = self._open, self._session
            in_transaction(lambda: sessions.move(session, asked, session.asked_state, DENIED))
        self._session.state.asked, self._session.state.held = None, []
        return self._say("cancelled" if self._kind == "clarify" else "answer", "cancelled")

    def _about_the_question(self, asked: Asked) -> Spoken | None:
        """A correction of what was read out, more of it, or a mere yes or no to `interpret`, which is asked again."""
        answer = answer_to(self._said, asked)
        if answer == "no":
            return self._cancelled()
        if answer == "yes":
            return spoken_of(
                asked, self._kind, wording.say(asked.language, "say_yes", question=asked.question), EXACT
            )
        found = corrected(self._said, asked)
        if found is not None and found.is_without_other:
            return self._say("clarify", "no_other")
        if found is not None:
            steps = rehearse_steps(self._actor, found.steps)
            return self._ask(steps, asked.said, asked.others, asked.rounds, GRAMMAR)
        if is_addition(self._said) or asks_to_order(self._said, asked):
            return self._of_the_shop(self._said, asked.steps)
        if swap := swapped(self._said, asked, self._language):
            return self._swapped(asked, swap)
        self._said = without_prefix(self._said)
        return None

    def _swapped(self, asked: Asked, swap: Swap) -> Spoken:
        """The same with another product, in its place among the steps."""
        played = play(self._actor, swap.plan, self._session.state.messages)
        meant = Meant(self._language, NEAR if played.asks else GRAMMAR, played)
        before, after = asked.steps[: swap.place], asked.steps[swap.place + 1 :]
        return self._answer_to(self._said, meant, before, after)

    def _of_the_shop(self, said: str, before: Sequence[Step]) -> Spoken:
        question = self._open.question if self._open is not None else ""
        meant = meaning(self._actor, said, self._session.state.messages, self._language, question)
        self._language = meant.language
        if meant.reading is not None:
            reading = meant.reading
            self._session.note("model", reading.status, reading.model, reading.milliseconds)
        return self._answer_to(said, meant, before)

    def _answer_to(
        self, said: str, meant: Meant, before: Sequence[Step], after: Sequence[Step] = ()
    ) -> Spoken:
        """What is said back to what was meant; `before` and `after` are steps that it stands among."""
        played, state = meant.played, self._session.state
        says_nothing = meant.is_lost or not (played.steps or played.rounds or played.asks)
        if says_nothing and self._open is not None:
            return spoken_of(
                self._open,
                "clarify",
                wording.say(self._language, "say_yes", question=self._open.question),
                0.0,
            )
        rounds = [[_made(each) for each in made] for made in played.rounds]
        if played.asks:
            state.held = [*before, *(step_of(each) for each in played.steps), *after]
            state.remember(said, rounds)
            return self._unclear(meant)
        steps = played.steps
        if steps and (before or after):
            steps = rehearse_steps(self._actor, [*before, *map(step_of, steps), *after])
        if steps and not any(step.error for step in steps):
            spoken = self._ask(steps, said, _others(played), rounds, meant.confidence, meant.source)
            if played.notes:
                spoken.text = f"{wording.for_the_ear(played.notes)} {spoken.text}"
            return spoken
        state.remember(said, [] if steps else rounds)
        if meant.is_lost:
            return Spoken(
                type="clarify",
                text=wording.for_the_ear(played.text),
                confidence=0.0,
                language=self._language,
                source=meant.source,
            )
        return self._answer(meant)

    def _unclear(self, meant: Meant) -> Spoken:
        first = meant.played.steps[0] if meant.played.steps else None
        return Spoken(
            type="clarify",
            text=wording.for_the_ear(meant.played.text),
            action=first.tool if first else "",
            missing=["sku"],
            confidence=meant.confidence,
            language=self._language,
            source=meant.source,
        )

    def _answer(self, meant: Meant) -> Spoken:
        made = [each for calls in meant.played.rounds for each in calls]
        text = wording.for_the_ear(meant.played.text)
        asked_for = [MISSING[key] for key in meant.played.said if key in MISSING]
        is_question = bool(asked_for) or (text.endswith(("？", "?")) and not made)
        for each in made:
            self._session.note(each.tool, each.status, "", each.milliseconds)
        spoken = Spoken(
            type="clarify" if is_question else "answer",
            text=text,
            action=made[-1].tool if made else "",
            params=made[-1].arguments if made else {},
            missing=[name for name in dict.fromkeys(asked_for) if name],
            confidence=meant.confidence,
            language=self._language,
            source=meant.source,
        )
        if len(meant.played.answered) > 1:
            steps = [{"action": each.tool, "params": each.arguments} for each in meant.played.answered]
            spoken.action, spoken.params = "chain", {"steps": steps}
            spoken.steps = [_step_data(each) for each in meant.played.answered]
        return spoken

    def _ask(
        self,
        steps: Sequence[Rehearsed],
        said: str,
        others: Sequence[str],
        rounds: list[list[dict[str, Any]]],
        confidence: float,
        source: str = BUILTIN,
    ) -> Spoken:
        """Read back, or say what stands in the way."""
        wrong = next((step for step in steps if step.error), None)
        if wrong is not None:
            message = str((wrong.error or {}).get("message") or "")
            return self._say("clarify", "failed", message=message)
        asked = Asked(
            id=sessions.new_question_id(),
            language=self._language,
            question=wording.question(self._language, steps),
            steps=[step_of(step) for step in steps],
            others=list(others),
            said=said,
            rounds=rounds,
        )
        self._session.state.asked, self._session.state.held = asked, []
        return spoken_of(asked, self._kind, asked.question, confidence, source)


def _step_data(made: Made) -> dict[str, Any]:
    """A reading step of an answer, as the API tells it."""
    return {
        "action": made.tool,
        "params": made.arguments,
        "status": made.status,
        "milliseconds": round(made.milliseconds),
    }


def _made(each: Any) -> dict[str, Any]:
    return {"tool": each.tool, "arguments": each.arguments, "result": each.result}


def _others(played: Played) -> list[str]:
    """What else was looked at for the last product that is put in."""
    chosen = {str(step.arguments.get("sku")) for step in played.steps}
    return [product.sku for product in played.seen if product.sku not in chosen and product.stock != 0][:8]
