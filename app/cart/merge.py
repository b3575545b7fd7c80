"""A guest's cart becomes the customer's at login: sums, clamped to what there is, with an account of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, select

from app.cart import statements
from app.cart.service import MAX_LINES, MAX_QUANTITY, new_line, owner_of
from app.cart.statements import ITEMS, PRODUCTS
from app.core.actor import Actor
from app.core.ids import new_id
from app.db import db
from app.outbox.service import publish

TOPIC = "cart.merged"


@dataclass(frozen=True, slots=True)
class MergedLine:
    """One product of the guest's cart: `wanted` is both carts' sum, `kept` what is in the cart now."""

    sku: str
    name: str
    name_en: str
    wanted: int
    kept: int

    def title(self, locale: str) -> str:
        """The product's name in the reader's language."""
        return self.name_en if locale == "en" and self.name_en else self.name

    @property
    def is_cut(self) -> bool:
        return self.kept < self.wanted


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What became of the guest's cart."""

    lines: tuple[MergedLine, ...] = ()

    @property
    def cuts(self) -> tuple[MergedLine, ...]:
        """Lines of which the customer has less than was asked for."""
        return tuple(line for line in self.lines if line.is_cut)


def merge_guest_cart(guest: Actor, user: Actor) -> MergeReport:
    """Move the guest's lines into the user's cart. Runs inside the login's transaction.

    Quantities add up, to at most the stock and 999, and never below what the user had. What was cut is
    reported, and told in the user's messages (outbox topic cart.merged). A second merge finds nothing.
    """
    if guest.guest_id is None or user.is_guest:
        return MergeReport()
    rows = _rows(guest, user)
    room = MAX_LINES - _count_lines(user) if rows else 0
    merged = []
    for row in rows:
        # Whoever deletes the guest's row moves it: two logins at once cannot add it twice.
        if not statements.remove(guest.subject, ITEMS.c.id == row.id):
            continue
        line = _move(user, row, has_room=row.mine is not None or room > 0)
        room -= row.mine is None and line.kept > 0
        merged.append(line)
    report = MergeReport(tuple(merged))
    _tell(user, report)
    return report


def _rows(guest: Actor, user: Actor) -> list[Any]:
    """The guest's lines in the order of SKUs, so that merges lock rows in one order."""
    mine = ITEMS.alias("mine")
    statement = (
        select(
            *ITEMS.c["id", "sku", "quantity", "price_seen_cents"],
            *PRODUCTS.c["name", "name_en", "stock", "is_retired"],
            mine.c.quantity.label("mine"),
        )
        .join(PRODUCTS, PRODUCTS.c.sku == ITEMS.c.sku)
        .outerjoin(mine, (mine.c.owner == user.subject) & (mine.c.sku == ITEMS.c.sku))
        .where(ITEMS.c.owner == guest.subject)
        .order_by(ITEMS.c.sku)
    )
    return list(db.session.execute(statement))


def _count_lines(user: Actor) -> int:
    counted = select(func.count()).select_from(ITEMS).where(ITEMS.c.owner == user.subject)
    return int(db.session.scalar(counted) or 0)


def _move(user: Actor, row: Any, *, has_room: bool) -> MergedLine:
    mine = row.mine or 0
    limit = min(row.stock, MAX_QUANTITY) if has_room and not row.is_retired else 0
    kept = max(mine, min(mine + row.quantity, limit))
    moved = kept > mine and _add(user, row, kept - mine)
    return MergedLine(row.sku, row.name, row.name_en, mine + row.quantity, kept if moved else mine)


def _add(user: Actor, row: Any, pieces: int) -> bool:
    if row.mine is not None:
        return statements.increase(owner_of(user), row.sku, pieces, MAX_QUANTITY)
    values = new_line(user, row.sku, pieces, row.price_seen_cents)
    return statements.insert_line(values, min(row.stock, MAX_QUANTITY))


def _tell(user: Actor, report: MergeReport) -> None:
    if report.cuts:
        cuts = [asdict(line) for line in report.cuts]
        publish(TOPIC, {"user_id": user.user_id, "dedupe": f"{TOPIC}:{new_id()}", "lines": cuts})
