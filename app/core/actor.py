"""Who acts: the one identity that services, tools and queries check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from app.core.errors import Forbidden, Unauthorized


class Role(StrEnum):
    """What a user may be. A guest has no role."""

    CUSTOMER = "customer"
    CONSULTANT = "consultant"
    OPERATOR = "operator"
    ADMIN = "admin"


STAFF_ROLES = frozenset({Role.CONSULTANT, Role.OPERATOR, Role.ADMIN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """The person or program on whose behalf something happens.

    `user_id` is None for a guest, whose cart and conversations hang on `guest_id`. `group_id` is the tool group
    through whose key a program came: it has that group's tools and no others. `may_write` is False for a program
    that a person allowed to read only.
    """

    user_id: int | None = None
    guest_id: str | None = None
    roles: frozenset[Role] = field(default_factory=frozenset)
    locale: str = "zh"
    origin: str = "web"
    group_id: int | None = None
    may_write: bool = True

    @property
    def is_guest(self) -> bool:
        return self.user_id is None

    @property
    def is_staff(self) -> bool:
        return bool(self.roles & STAFF_ROLES)

    def has_role(self, *roles: Role) -> bool:
        """True when the actor has one of the roles; an admin has none but its own."""
        return bool(self.roles.intersection(roles))

    def require_user(self) -> int:
        """The signed-in user's id. Raises Unauthorized for a guest."""
        if self.user_id is None:
            raise Unauthorized()
        return self.user_id

    def require_role(self, *roles: Role) -> int:
        """The user's id when one of the roles is held. Raises Unauthorized or Forbidden."""
        user_id = self.require_user()
        if not self.has_role(*roles):
            raise Forbidden()
        return user_id

    @property
    def subject(self) -> str:
        """A stable key for limits and ownership: `user:7` or `guest:...`."""
        return f"user:{self.user_id}" if self.user_id is not None else f"guest:{self.guest_id or 'none'}"


SYSTEM = Actor(roles=frozenset(), origin="job")


def roles_from(names: Iterable[str]) -> frozenset[Role]:
    """Roles by name; unknown names are dropped."""
    known = {role.value: role for role in Role}
    return frozenset(known[name] for name in names if name in known)
