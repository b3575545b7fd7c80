"""Sums of sales by day, and triggers that name the days that change

Revision ID: 0018
Revises: 0017
Create Date: 2026-11-30 20:00:00.000000

"""
from logging import getLogger

from alembic import op
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

import app.db

# revision identifiers, used by Alembic.
revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

log = getLogger('alembic.runtime.migration')
# MySQL and MariaDB: the user may not make triggers, or not while the binary log is on.
NOT_ALLOWED = {1142, 1227, 1419}
# What a report of sales reads of an order and of a line.
OF_ORDER = 'store_id member_id channel pay_status paid_on amount_cents original_amount_cents created_at'.split()
OF_LINE = 'order_id sku category qty price_cents'.split()
EVENTS = {'insert': ('NEW',), 'update': ('OLD', 'NEW'), 'delete': ('OLD',)}


def upgrade():
    _tables()
    op.execute("INSERT INTO stale_days (kind, day) SELECT DISTINCT 'sales', paid_on FROM orders WHERE pay_status = 1 AND paid_on IS NOT NULL")
    op.execute("INSERT INTO stale_days (kind, day) SELECT DISTINCT 'attempts', DATE(created_at) FROM orders WHERE pay_status IN (0, 1)")
    try:
        for table, columns in (('orders', OF_ORDER), ('order_items', OF_LINE)):
            for event in EVENTS:
                op.get_bind().exec_driver_sql(_trigger(table, event, columns))
    except OperationalError as error:
        if not error.orig.args or error.orig.args[0] not in NOT_ALLOWED:
            raise
        log.warning('No triggers may be made here (%s), so reports will read every order. See docs/metrics.md.', error.orig)
        _drop_triggers()
        op.execute("INSERT INTO stale_days (kind, day) VALUES ('off', '2000-01-01')")


def _tables():
    place = (
        ('store_id', sa.Integer(), {'autoincrement': False}),
        ('channel', sa.String(length=10), {}),
        ('is_member', sa.Integer(), {'autoincrement': False}),
    )

    def table(name, first, more, sums):
        keys = (*first, *(place if more is not None else ()), *(more or ()))
        op.create_table(
            name,
            *(sa.Column(key, kind, nullable=False, **options) for key, kind, options in keys),
            *sums,
            sa.PrimaryKeyConstraint(*(key for key, _, _ in keys), name=op.f(f'pk_{name}')),
            sqlite_with_rowid=False,
        )

    day = ('day', sa.Date(), {})
    table('stale_days', (('kind', sa.String(length=8), {}), day), None, ())
    table('daily_sales', (day,), (), (_number('orders'), *_money('amount'), *_money('original_amount')))
    goods = (('category', sa.String(length=40), {}), ('sku', sa.String(length=32), {}))
    counts = (_number('baskets'), _number('category_orders'), _number('product_orders'))
    table('daily_item_sales', (day,), goods, (_number('units'), *_money('sales'), *counts))
    table('payment_attempts', (('placed_at', app.db.UtcDateTime(), {}),), (), (_number('attempts'), _number('paid')))


def _number(name):
    return sa.Column(name, sa.Integer(), nullable=False)


def _money(name):
    return (
        sa.Column(f'{name}_cents', sa.BigInteger(), nullable=False),
        sa.Column(name, sa.Numeric(precision=16, scale=2), sa.Computed(f'{name}_cents / 100.0', persisted=False), nullable=True),
    )


def _trigger(table, event, columns):
    """Names the days that a change of a row makes stale, before the change and after it."""
    marks = ' '.join(mark for row in EVENTS[event] for mark in _marks(table, row))
    name = f'CREATE TRIGGER {table}_{event}_stale AFTER'
    if op.get_bind().dialect.name == 'sqlite':
        when = ' OR '.join(f'OLD.{column} IS NOT NEW.{column}' for column in columns)
        of = f"UPDATE OF {', '.join(columns)}" if event == 'update' else event.upper()
        condition = f' WHEN {when}' if event == 'update' else ''
        return f'{name} {of} ON {table} FOR EACH ROW{condition} BEGIN {marks} END'
    same = ' AND '.join(f'OLD.{column} <=> NEW.{column}' for column in columns)
    body = f'IF NOT ({same}) THEN {marks} END IF;' if event == 'update' else marks
    return f'{name} {event.upper()} ON {table} FOR EACH ROW BEGIN {body} END'


def _marks(table, row):
    if table == 'order_items':
        yield _mark(f"SELECT 'sales', o.paid_on FROM orders o WHERE o.id = {row}.order_id AND o.pay_status = 1 AND o.paid_on IS NOT NULL")
        return
    yield _mark(f"SELECT 'sales', {row}.paid_on FROM (SELECT 1 AS one) x WHERE {row}.pay_status = 1 AND {row}.paid_on IS NOT NULL")
    yield _mark(f"SELECT 'attempts', DATE({row}.created_at) FROM (SELECT 1 AS one) x WHERE {row}.pay_status IN (0, 1)")


def _mark(found):
    # MariaDB's IGNORE takes a shared lock on the row that is there, so whoever adds the day up waits for the commit.
    insert = 'INSERT OR IGNORE' if op.get_bind().dialect.name == 'sqlite' else 'INSERT IGNORE'
    return f'{insert} INTO stale_days (kind, day) {found};'


def _drop_triggers():
    for table in ('orders', 'order_items'):
        for event in EVENTS:
            op.get_bind().exec_driver_sql(f'DROP TRIGGER IF EXISTS {table}_{event}_stale')


def downgrade():
    _drop_triggers()
    for table in ('payment_attempts', 'daily_item_sales', 'daily_sales', 'stale_days'):
        op.drop_table(table)
