"""What a person has at a resource, through whatever program: its own roles, and at a group's address what both allow."""

from __future__ import annotations

from app.accounts.queries import find_roles
from app.core.actor import Actor
from app.members.queries import find_membership
from app.tools.groups import Group, find_group_by_code
from app.tools.queries import Offer, list_tools

ORIGIN = "mcp"


def actor_at(user_id: int, code: str | None, *, may_write: bool, locale: str) -> Actor | None:
    """The person as it acts at `/mcp` (no code) or `/mcp/<code>`; None when there is nothing for it there.

    A group is open to people who have one of its roles and, when it names levels, one of its levels; they act in
    those roles, as themselves.
    """
    roles = find_roles(user_id)
    group: Group | None = None
    if code is not None:
        group = find_group_by_code(code)
        if group is None or not group.enabled or not _is_of_level(group, user_id):
            return None
        roles &= group.roles
    if not roles:
        return None
    return Actor(
        user_id=user_id,
        roles=roles,
        locale=locale,
        origin=ORIGIN,
        group_id=group.id if group else None,
        may_write=may_write,
    )


def _is_of_level(group: Group, user_id: int) -> bool:
    if not group.tiers:
        return True
    membership = find_membership(user_id)
    return membership is not None and str(membership.level) in group.tiers


def split_tools(actor: Actor) -> tuple[list[Offer], list[Offer]]:
    """The tools that an actor has: those that read, and those that act."""
    offers = list_tools(actor)
    acting = [offer for offer in offers if offer.spec.writes or offer.spec.confirm]
    return [offer for offer in offers if offer not in acting], acting
