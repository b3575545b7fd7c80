"""Who a segment is: its rules, counted by the server through the guard and the read-only connection of reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select

from app.campaigns.plans import Rule
from app.campaigns.rules import FIELDS
from app.campaigns.segment_sql import members_sql, orders_sql
from app.catalogue.models import Category
from app.core.clock import business_day, now
from app.core.errors import N_, InvalidParam
from app.core.money import cents
from app.db import db
from app.insights import runner
from app.insights.guard import Checked, Moment, check
from app.members.models import Member, Store
from app.runtime import settings

MAX_SEGMENT = 200_000
HISTORY_DAYS = 90
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Names:
    """What people call cities and categories, in lower case and in both languages -> as the database has it."""

    cities: Mapping[str, str]
    categories: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Orders:
    """A segment's paid orders of the last HISTORY_DAYS days that reach a threshold."""

    count: int
    buyers: int
    amount_cents: int

    @property
    def basket_cents(self) -> int:
        """The average of the original amounts; 0 without orders."""
        return self.amount_cents // self.count if self.count else 0


def today() -> date:
    """The shop's business day."""
    return business_day(now(), settings().shop_timezone)


def find_names() -> Names:
    """The names that rules may use."""
    stores = db.session.execute(select(Store.city, Store.city_en).distinct())
    categories = db.session.execute(select(Category.name, Category.name_en))
    return Names(_both(stores), _both(categories))


def _both(rows: Any) -> dict[str, str]:
    return {name.lower(): zh for zh, en in rows for name in (zh, en) if name}


def resolved(rules: Sequence[Rule]) -> list[Rule]:
    """The rules with names as the database has them. Raises InvalidParam for what the shop does not have."""
    if not any(FIELDS[rule.field].kind == "text" for rule in rules):
        return list(rules)
    names = find_names()
    known = {"city": names.cities, "category_bought": names.categories}
    return [_resolved(rule, known[rule.field]) if rule.field in known else rule for rule in rules]


def _resolved(rule: Rule, known: Mapping[str, str]) -> Rule:
    values = [_canonical(str(each), known) for each in _list(rule.value)]
    return rule.model_copy(update={"value": values if isinstance(rule.value, list) else values[0]})


def _canonical(name: str, known: Mapping[str, str]) -> str:
    wanted = name.strip().lower()
    for form in (wanted, wanted.removesuffix("市"), wanted.removesuffix(" city")):
        if form in known:
            return known[form]
    raise InvalidParam(
        N_("The shop has no %(name)s."), fields={"rules": N_("A name is not one of the shop's.")}, name=name
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def preview(rules: Sequence[Rule]) -> str:
    """The SQL that counts the segment, before the guard."""
    return members_sql(resolved(rules), today(), settings().shop_timezone)


def find_members(rules: Sequence[Rule]) -> list[int]:
    """The ids of the segment's members, at most MAX_SEGMENT of them.

    Raises InvalidParam for unknown names, and what `app.insights.runner.run` raises.
    """
    sql = members_sql(resolved(rules), today(), settings().shop_timezone)
    table = runner.run(_checked(sql, MAX_SEGMENT))
    return sorted(int(row[0] or 0) for row in table.rows)


def find_orders(rules: Sequence[Rule], threshold: float) -> Orders:
    """What the segment bought lately, in orders of at least `threshold` yuan."""
    zone = settings().shop_timezone
    sql = orders_sql(resolved(rules), today(), zone, days=HISTORY_DAYS, threshold=threshold)
    row = runner.run(_checked(sql, 1)).rows[0]
    return Orders(int(row[0] or 0), int(row[1] or 0), cents(row[2] or 0))


def _checked(sql: str, max_rows: int) -> Checked:
    return check(sql, max_rows=max_rows, moment=Moment.current(settings().shop_timezone))


def count_accounts(member_ids: Sequence[int]) -> int:
    """How many of the members have an account, which a coupon needs."""
    wanted = set(member_ids)
    if not wanted:
        return 0
    holders = select(func.count()).select_from(Member).where(Member.user_id.is_not(None))
    if len(wanted) <= CHUNK:
        return db.session.scalar(holders.where(Member.id.in_(wanted))) or 0
    return sum(
        id_ in wanted for id_ in db.session.scalars(select(Member.id).where(Member.user_id.is_not(None)))
    )
