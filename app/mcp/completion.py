"""Completing what a person types into a prompt or an address: SKUs and stores, for keys whose tools tell them too."""

from __future__ import annotations

import mcp_types as types

from app.catalogue.queries import complete_skus
from app.language.normalise import normalise
from app.mcp import prompts, resources
from app.mcp.visit import Visit
from app.members.queries import list_stores

# The protocol allows no more.
MAX_VALUES = 100
MAX_TYPED = 60
Reference = types.PromptReference | types.ResourceTemplateReference


def complete(visit: Visit, reference: Reference, argument: str, typed: str) -> types.Completion:
    """What the value may become; nothing for what cannot be completed or this key cannot see."""
    tools = resources.whole_tools(visit)
    if len(typed) > MAX_TYPED or not _is_known(visit, reference, argument):
        return types.Completion(values=[])
    if argument == "sku" and "get_product" in tools:
        found = complete_skus(typed.strip(), limit=MAX_VALUES + 1)
    elif argument == "store" and "list_stores" in tools:
        found = _stores(typed, visit.locale)
    else:
        found = []
    return types.Completion(values=found[:MAX_VALUES], has_more=len(found) > MAX_VALUES)


def _is_known(visit: Visit, reference: Reference, argument: str) -> bool:
    if isinstance(reference, types.ResourceTemplateReference):
        return reference.uri == resources.ONE and argument == "sku"
    named = [one for one in prompts.list_prompts(visit) if one.name == reference.name]
    return any(blank.name == argument for one in named for blank in one.arguments or ())


def _stores(typed: str, locale: str) -> list[str]:
    wanted = normalise(typed)
    found = []
    for store in list_stores():
        names = (store.name, store.name_en, store.city, store.city_en)
        if any(wanted in normalise(name) for name in names):
            found.append(store.name_en if locale == "en" else store.name)
    return found
