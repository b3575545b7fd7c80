"""Scheduler entry points: add up the days that are over; check that the sums are what the orders say."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from logging import getLogger

from sqlalchemy import func, select

from app.core.clock import business_day, now
from app.db import db, in_transaction
from app.members.models import Member
from app.runtime import settings
from app.sales.models import StaleDay
from app.sales.queries import find_stale, list_stale
from app.sales.service import add_up, find_differences, find_wrong_members, is_over, mend_members
from app.sales.stale import KINDS, Kind

log = getLogger(__name__)
# Days added up in one transaction, transactions of one turn, days and members checked at a time.
DAYS, TURNS, CHECKED, MEMBERS = 7, 30, 3, 200


def add_up_stale_days(*, everything: bool = False) -> int:
    """Add up the days that have changed, oldest first; returns how many.

    The day that runs is left to the orders themselves unless `everything` is wanted (after a load into an empty shop).
    """
    today, done = business_day(now(), settings().shop_timezone), 0
    if find_stale() is None:
        return 0
    for kind in KINDS:
        days = [day for day in list_stale(kind) if everything or is_over(kind, day, today)]
        db.session.rollback()
        parts = [days[at : at + DAYS] for at in range(0, len(days), DAYS)]
        for part in parts if everything else parts[:TURNS]:
            in_transaction(partial(add_up, kind, part))
            done += len(part)
    return done


def reconcile() -> int:
    """Compare some days and members with the orders, other ones each time; what differs is logged and mended."""
    today, wrong = business_day(now(), settings().shop_timezone), 0
    if find_stale() is None:
        return 0
    turn = int(now().timestamp()) // 3_600
    for number in range(CHECKED):
        day = today - timedelta(days=1 + (turn * CHECKED + number) % 120)
        for kind in KINDS:
            wrong += _reconciled(kind, day)
        db.session.rollback()
    return wrong + _reconciled_members(turn)


def _reconciled_members(turn: int) -> int:
    last = db.session.scalar(select(func.max(Member.id))) or 0
    start = turn % (last // MEMBERS + 1) * MEMBERS
    wrong = find_wrong_members(range(start, start + MEMBERS))
    db.session.rollback()
    if wrong:
        log.error("first_purchases_differ members=%s", len(wrong))
        in_transaction(lambda: mend_members(wrong))
    return len(wrong)


def _reconciled(kind: Kind, day: date) -> bool:
    differing = find_differences(kind, day)
    db.session.rollback()
    if differing:
        log.error("sales_sums_differ kind=%s day=%s tables=%s", kind, day, ",".join(differing))
        in_transaction(lambda: db.session.merge(StaleDay(kind=kind, day=day)))
    return bool(differing)
