"""What each step of a run does, and what is done when one fails for the last time."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from logging import getLogger
from typing import Any

from sqlalchemy import bindparam, exists, or_, select, update

from app.accounts.queries import list_user_ids
from app.cart.models import CartItem
from app.catalogue.cache import cached
from app.conversations.models import Conversation
from app.conversations.service import add_finished_answer, start_conversation
from app.core.actor import Actor, Role
from app.core.clock import now
from app.core.ids import new_id
from app.coupons.queries import list_for_customer
from app.db import db, in_transaction
from app.gateway.asking import ask_once
from app.llm.client import ModelError
from app.notifications.service import notify
from app.onboarding import composing
from app.onboarding.composing import Guest
from app.onboarding.running import (
    RUNS,
    Act,
    Data,
    Effect,
    StepFailed,
    Work,
    changed_one,
    code_of,
    hold,
    prolong,
    text_of,
    write_step,
)
from app.onboarding.values import Values
from app.onboarding.workflow import Status, Step, StepStatus
from app.outbox.service import publish
from app.tools.executor import ToolResult, execute
from app.tools.limits import to_json

log = getLogger(__name__)
CALLER = "automation"
PURPOSE = "welcome"
BUILTIN, TEMPLATE = "builtin", "template"
KNOWING = frozenset({Role.CONSULTANT})
# What the agent reads before it writes, and under which key the result has it.
READ: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("get_user_profile", {}, "profile"),
    ("analyze_customer", {"analysis_type": "basic"}, "analysis"),
    ("get_customer_preferences", {}, "preferences"),
)
# What else is part of telling the consultants, in its transaction: the desk, which is above, lets the customer wait.
AFTER_WELCOME: list[Callable[[int, str, Values], None]] = []
# Kinds of wishes by which products can be found.
SEARCHED = frozenset({"concern", "product", "ingredient"})
# Who the consultants are may be this old, in seconds: a burst asks once.
CONSULTANTS_SECONDS = 2.0
# How long what every new customer is shown may be kept.
SAME_SECONDS = 3.0
# The tool refuses for good: an admin has switched it off.
REFUSED = frozenset({"denied"})


def create_conversation(work: Work) -> Effect:
    """The customer's first conversation, once."""

    def keep() -> Data:
        title = "Welcome" if work.locale == "en" else "欢迎"
        conversation_id = start_conversation(work.customer, "registration automation", title=title)
        work.changes["conversation_id"] = conversation_id
        return {"conversation_id": conversation_id}

    return Effect(keep)


def read_customer(work: Work) -> Effect:
    """What is known of the customer, by the same tools that consultants' agents use."""
    reader = Actor(roles=KNOWING, locale=work.locale, origin=CALLER)
    known: Data = {}
    # Somebody who has said and picked nothing yet has no preferences to read: so it is with most.
    read = READ if _has_past(work) else READ[:-1]
    for name, more, key in read:
        result = execute(reader, name, {"user_id": work.user_id, **more}, caller=CALLER)
        if result.status == "ok":
            known[key] = result.result[key]
        elif _is_final(result):
            # The welcome does without it.
            known.setdefault("refused", []).append(name)
        else:
            raise _failed(name, result)
    return Effect(lambda: known)


def _has_past(work: Work) -> bool:
    """Whether the customer has talked to the assistant or filled a cart, as a guest say. One statement."""
    own = work.data[Step.CONVERSATION]["conversation_id"]
    who = {"user_id": work.user_id, "own": own, "owner": work.customer.subject}
    has_past = bool(db.session.scalar(_past, who))
    db.session.rollback()
    return has_past


_talked = exists().where(Conversation.user_id == bindparam("user_id"), Conversation.id != bindparam("own"))
_past = select(or_(_talked, exists().where(CartItem.owner == bindparam("owner"))))


def _is_final(result: ToolResult) -> bool:
    error = result.result.get("error")
    return result.status in REFUSED or (isinstance(error, dict) and error.get("code") == "NOT_FOUND")


def _failed(name: str, result: ToolResult) -> StepFailed:
    error = result.result.get("error")
    told = error if isinstance(error, dict) else {}
    return StepFailed(str(told.get("code") or result.status.upper()), f"{name}: {told.get('message', '')}")


def write_welcome(work: Work) -> Effect:
    """The agent's welcome with products that fit; the template at once when it fails."""
    shown, guest = _prepared(work)
    template = {**shown, "text": composing.from_template(work.values, guest), "written_by": TEMPLATE}
    if work.values.strategy == TEMPLATE:
        return Effect(lambda: template)
    try:
        written = _by_agent(work, guest)
    except Exception as error:
        log.warning("automation_agent_failed run=%s error=%r", work.run_id, error)
        return Effect(partial(_keep_fallback, work, template), StepStatus.FAILED, error)
    return Effect(lambda: {**shown, **written})


def _keep_fallback(work: Work, template: Data) -> Data:
    work.changes["is_fallback"] = True
    return template


def _by_agent(work: Work, guest: Guest) -> Data:
    # A model may take its time; neither a connection nor the run may be lost meanwhile.
    db.session.rollback()
    prompt, data = composing.prompt_for(guest)
    seconds = work.values.agent_seconds
    if seconds > 1:
        _prolong_if_slow(work, seconds)
    said = ask_once(PURPOSE, work.customer, prompt, data, deadline=time.monotonic() + seconds)
    if said is None:
        return {"text": composing.personal(guest), "written_by": BUILTIN, "account": {"provider": BUILTIN}}
    problem = composing.problem_with(said.text, guest)
    if problem:
        raise ModelError("UNUSABLE", problem)
    return {"text": said.text, "written_by": said.route.model_name, "account": said.account}


def _prolong_if_slow(work: Work, seconds: float) -> None:
    """The lease outlasts the usual wait by far; only an admin's long one needs more."""
    if seconds > 5:
        prolong(work, seconds)


def _prepared(work: Work) -> tuple[Data, Guest]:
    """Products that fit and can be had, and everything else that a welcome is made from."""
    known = work.data.get(Step.TOOLS, {})
    wish, arguments = _search_for(known, work.values.product_count)
    products: list[dict[str, Any]] = []
    if arguments:
        products = _products(work, arguments)
        if not products and wish:
            wish, arguments = "", {"sort": "-sales", "top_k": work.values.product_count, "in_stock": True}
            products = _products(work, arguments)
    profile = known.get("profile", {})
    guest = Guest(
        username=work.username,
        locale=work.locale,
        store=str(profile.get("store", "")),
        level=int(profile.get("level", 1)),
        wish=wish,
        products=products,
        coupon=_coupon(work, profile),
    )
    return {"arguments": arguments, "products": products}, guest


def _search_for(known: Data, count: int) -> tuple[str, Data]:
    """The customer's wish in words, and what to look for: that, or what sells."""
    if not count:
        return "", {}
    found: Data = {"top_k": count, "in_stock": True}
    wishes = known.get("preferences", {}).get("wishes", [])
    words = [each["wish"] for each in wishes if each["kind"] in SEARCHED][:2]
    if words:
        return words[0], {"q": " ".join(words), **found}
    return "", {"sort": "-sales", **found}


def _products(work: Work, arguments: Data) -> list[dict[str, Any]]:
    """By the customer's own tool, as if they had asked for it; what sells is the same for everybody for a moment."""
    if "q" in arguments:
        return _found(work, arguments)
    key = ("welcome products", work.locale, arguments["top_k"])
    return cached(key, SAME_SECONDS, lambda: _found(work, arguments))


def _found(work: Work, arguments: Data) -> list[dict[str, Any]]:
    result = execute(work.customer, "list_products", arguments, caller=CALLER)
    found = result.result.get("products") if result.status == "ok" else None
    return [product for product in found or () if product["stock"] > 0]


def _coupon(work: Work, profile: Data) -> str:
    """A coupon that the customer may claim, in words; for a moment the same for all who are of a level and new."""
    if profile.get("orders") != 0:
        return _best_coupon(work)
    key = ("welcome coupon", work.locale, profile.get("level"))
    return cached(key, SAME_SECONDS, lambda: _best_coupon(work))


def _best_coupon(work: Work) -> str:
    views = list_for_customer(work.customer)
    told = next((view.label(work.locale) for view in views if view.is_usable), "")
    db.session.rollback()
    return told


def send_welcome(work: Work) -> Effect:
    """The welcome into the conversation, once."""
    return Effect(lambda: keep_welcome(work, work.data[Step.AGENT]))


def keep_welcome(work: Work, written: Data) -> Data:
    """Write it, in the open transaction: the products as a tool's result, then the text."""
    conversation_id = work.data[Step.CONVERSATION]["conversation_id"]
    account = {**written.get("account", {"provider": BUILTIN})}
    model = str(account.setdefault("model", written["written_by"]))
    messages = [*_shown(written), {"role": "assistant", "content": written["text"], "model": model}]
    messages[-1] |= {"client_message_id": "welcome"}
    message_id = add_finished_answer(work.customer, conversation_id, messages, **account)
    at = now()
    took = round((at - work.registered_at).total_seconds() * 1000)
    work.changes |= {"welcomed_at": at, "welcome_ms": took}
    return {"message_id": message_id}


def _shown(written: Data) -> list[Data]:
    if not written.get("products"):
        return []
    call_id = f"call_{new_id()}"
    call = {"id": call_id, "name": "list_products", "arguments": written["arguments"]}
    result = {"products": written["products"], "total": len(written["products"])}
    return [
        {"role": "assistant", "tool_calls": [call]},
        {
            "role": "tool",
            "content": to_json(result),
            "tool_call_id": call_id,
            "tool_name": "list_products",
            "status": "ok",
            "duration_ms": 0,
        },
    ]


def tell_consultants(work: Work) -> Effect:
    """A notification for each consultant."""
    if not work.values.notifications:
        return Effect(lambda: {"consultants": 0}, StepStatus.SKIPPED)
    ids = cached("consultants", CONSULTANTS_SECONDS, lambda: tuple(list_user_ids(Role.CONSULTANT)))
    return Effect(partial(_notify, work, ids))


def _notify(work: Work, consultant_ids: tuple[int, ...]) -> Data:
    analysis = work.data.get(Step.TOOLS, {}).get("analysis", {})
    conversation_id = work.data.get(Step.CONVERSATION, {}).get("conversation_id")
    notify(
        consultant_ids,
        "customer.registered",
        dedupe=f"registered:{work.user_id}",
        about_user_id=work.user_id,
        conversation_id=conversation_id,
        payload={
            "username": work.username,
            "segment": analysis.get("segment", ""),
            "level": analysis.get("level", 0),
        },
    )
    if conversation_id is not None:
        for call in AFTER_WELCOME:
            call(work.user_id, conversation_id, work.values)
    return {"consultants": len(consultant_ids)}


ACTS: dict[Step, Act] = {
    Step.CONVERSATION: create_conversation,
    Step.TOOLS: read_customer,
    Step.AGENT: write_welcome,
    Step.WELCOME: send_welcome,
    Step.NOTIFIED: tell_consultants,
}


def give_up(work: Work, failed: Step, error: Exception) -> None:
    """A step has failed for the last time: the template goes out, consultants are told, admins are alerted once."""
    for step in (Step.CONVERSATION, Step.WELCOME, Step.NOTIFIED):
        if step in work.settled:
            continue
        try:
            in_transaction(partial(_make_up_for, work, step))
        except Exception:
            # What the step needs is broken; the others need not be.
            log.exception("automation_fallback_failed run=%s step=%s", work.run_id, step.value)
    in_transaction(partial(_close_failed, work, failed, error))


def _make_up_for(work: Work, step: Step) -> None:
    started, clock = now(), time.monotonic()
    work.changes = {}
    if step is Step.WELCOME:
        guest = Guest(username=work.username, locale=work.locale)
        text = composing.from_template(work.values, guest)
        data = keep_welcome(work, {"text": text, "written_by": TEMPLATE})
        work.changes["is_fallback"] = True
    else:
        data = ACTS[step](work).keep()
    write_step(work, step, StepStatus.DONE, started, clock, data=data)
    hold(work)
    work.data[step] = data
    work.settled.add(step)


def _close_failed(work: Work, step: Step, error: Exception) -> None:
    ending = {"status": Status.FAILED.value, "finished_at": now(), "lease": ""}
    hold(work, **ending, error_code=code_of(error), error=text_of(error))
    first = update(RUNS).where(RUNS.c.id == bindparam("of_run"), RUNS.c.alerted_at.is_(None))
    if not changed_one(first, {"of_run": work.run_id, "alerted_at": now()}):
        return
    log.error("automation_failed run=%s step=%s error=%r", work.run_id, step.value, error)
    told = {"run_id": work.run_id, "username": work.username, "step": step.value, "error": code_of(error)}
    for user_id in list_user_ids(Role.ADMIN):
        alert = {"user_id": user_id, **told, "dedupe": f"automation:{work.run_id}"}
        publish("automation.alert", alert)
