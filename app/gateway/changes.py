"""Changing agents from the edges: a new address is looked at before the one transaction is opened."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from app.core.actor import Actor
from app.core.errors import N_, InvalidParam
from app.db import db, in_transaction
from app.gateway import service
from app.gateway.queries import get_agent, get_version, leading_version
from app.gateway.rules import check_url
from app.gateway.service import Saved
from app.gateway.trial import Trial, try_version
from app.llm.addresses import check_address

Values = Mapping[str, Any]


def create(actor: Actor, values: Values) -> int:
    """Make an agent; its id. Raises as `create_agent` and `check_address`."""
    _check_address_of(values)
    return in_transaction(lambda: service.create_agent(actor, values).id)


def save(actor: Actor, agent_id: int, changes: Values, **how: Any) -> Saved:
    """Change an agent; `how` as `update_agent` takes it. Raises as that and `check_address`."""
    # An address that the agent had before is none to look up: an edit of a name must not hang on the DNS.
    _check_address_of(changes, {version.base_url for version in get_agent(agent_id).versions})
    return in_transaction(partial(service.update_agent, actor, agent_id, changes, **how))


def share(actor: Actor, agent_id: int, weights: Mapping[int, int]) -> None:
    """Set the shares by version number; a version that is not named gets no traffic. Raises as `set_shares`."""

    def work() -> None:
        ids = {version.number: version.id for version in get_agent(agent_id).versions}
        # 0 is no version's id: the service says what is wrong with it.
        service.set_shares(
            actor, agent_id, {ids.get(number, 0): weight for number, weight in weights.items()}
        )

    in_transaction(work)


def try_out(agent_id: int, number: int | None, locale: str) -> Trial:
    """A real call of one version, the leading one unless a number is given. Raises NotFound."""
    agent = get_agent(agent_id)
    version = leading_version(agent) if number is None else get_version(agent, number)
    # No connection is held while the model thinks.
    db.session.remove()
    return try_version(version, locale)


def _check_address_of(values: Values, known: Collection[str] = ()) -> None:
    url = str(values.get("base_url") or "").strip()
    if not url or url in known or values.get("provider") == "builtin":
        return
    check_url(url)
    try:
        check_address(url)
    except InvalidParam as error:
        error.fields.setdefault("base_url", N_("This address may not be used here."))
        raise
