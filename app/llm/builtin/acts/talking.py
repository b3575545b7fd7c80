"""Stores, service questions, a human, and everything that needs no tool."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from app.language.concepts import analyse
from app.language.normalise import normalise
from app.language.ranking import product_text, score
from app.llm.builtin import cues
from app.llm.builtin.acts.buying import pick
from app.llm.builtin.desk import Act, Call, Desk
from app.llm.builtin.intents import Intent, Item

_MAX_QUOTE = 40


def say(desk: Desk, intent: Intent) -> Act:
    """Answer from the templates alone."""
    desk.say(intent.name)
    return
    yield []


def unknown(desk: Desk, intent: Intent) -> Act:
    """Say what was not understood, and what can be done."""
    text = desk.message if len(desk.message) <= _MAX_QUOTE else desk.message[:_MAX_QUOTE] + "…"
    desk.say("unknown", text=text)
    return
    yield []


def yes(desk: Desk, intent: Intent) -> Act:
    """A yes to what the last answer offered, else an acknowledgement."""
    if (
        desk.pending
        and len(desk.pending.products) == 1
        and (yield from pick(desk, Intent("yes", intent.text, items=(Item(),))))
    ):
        return
    desk.say("thanks" if cues.says("thanks", normalise(desk.message)) else "yes")


def list_stores(desk: Desk, intent: Intent) -> Act:
    """Stores, of a city if one is named."""
    if not desk.can("list_stores"):
        return
    (result,) = yield [Call("list_stores", {"city": intent.city} if intent.city else {})]
    if desk.fail(result):
        return
    stores = _stores(result)
    if intent.city and not stores:
        # The tool may know its cities by another name; ours are matched here.
        (result,) = yield [Call("list_stores")]
        every = _stores(result)
        stores = [store for store in every if _city_matches(store, intent.city)]
        if not stores:
            _no_store(desk, intent.city, every)
            return
    stores = [store for store in stores if _is_named(desk, store)] or stores
    _tell_stores(desk, intent, stores)


def _stores(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [store for store in result.get("stores") or [] if isinstance(store, dict)]


def _is_named(desk: Desk, store: dict[str, Any]) -> bool:
    """Whether the customer names this very store: its name without the city and the word for a store."""
    name = str(store.get("name") or "").casefold().replace(str(store.get("city") or "").casefold(), "")
    own = normalise(name).removesuffix("店").strip()
    return bool(own) and own in normalise(desk.message)


def _tell_stores(desk: Desk, intent: Intent, stores: list[dict[str, Any]]) -> None:
    if not stores:
        desk.say("stores_none")
        return
    names = desk.join([str(store.get("name")) for store in stores])
    if len(stores) == 1 and not intent.city:
        desk.say("store_one", name=names, city=stores[0].get("city"))
    elif intent.city:
        desk.say("stores_city", city=_city_name(desk, intent.city), n=len(stores), names=names)
    else:
        desk.say("stores", n=len(stores), names=names)


def _no_store(desk: Desk, city: str, stores: list[dict[str, Any]]) -> None:
    cities = list(dict.fromkeys(str(store.get("city")) for store in stores))
    desk.say("stores_none_city", city=_city_name(desk, city), cities=desk.join(cities))


@cache
def _english_cities() -> dict[str, str]:
    data: dict[str, list[str]] = json.loads(
        files("app.language").joinpath("data/cities.json").read_text("utf-8")
    )
    return {city: aliases[0] for city, aliases in data.items()}


def _city_name(desk: Desk, city: str) -> str:
    return city if desk.language == "zh" else _english_cities().get(city, city).title().replace("'A", "'a")


def _city_matches(store: dict[str, Any], city: str) -> bool:
    text = f"{store.get('city')} {store.get('name')}".casefold()
    return city in text or _english_cities().get(city, city) in text


def service(desk: Desk, intent: Intent) -> Act:
    """What the shop has written about delivery, returns, payment ...; otherwise a person can answer."""
    if not desk.can("service_info"):
        return
    (result,) = yield [Call("service_info", {"q": intent.text})]
    if desk.fail(result):
        return
    topics = [topic for topic in result.get("topics") or [] if isinstance(topic, dict)]
    if not topics:
        desk.say("service_none")
        return
    for topic in _best_topics(intent.text, topics):
        desk.paragraphs.append(str(topic.get("text") or topic.get("title")))


def _best_topics(text: str, topics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The topic that shares most words with the question; the tool's own first when none does."""
    query = analyse(text)
    values = [
        score(query, product_text({"name": f"{t.get('title')} {t.get('key')}", "description": t.get("text")}))
        for t in topics
    ]
    best = max(range(len(topics)), key=lambda i: (values[i], -i))
    return [topics[best]]


def human(desk: Desk, intent: Intent) -> Act:
    """Bring in a consultant."""
    if not desk.can("talk_to_consultant"):
        return
    (result,) = yield [Call("talk_to_consultant", {"reason": intent.text[:200]})]
    if desk.fail(result):
        return
    message = result.get("message")
    if isinstance(message, str) and message:
        desk.paragraphs.append(message)
    else:
        desk.say("human")


ACTS = {
    **dict.fromkeys(
        ("greet", "who", "thanks", "bye", "no", "hostile", "small_talk", "nothing", "remark"), say
    ),
    "unknown": unknown,
    "city": list_stores,
    "yes": yes,
    "list_stores": list_stores,
    "service": service,
    "human": human,
}
