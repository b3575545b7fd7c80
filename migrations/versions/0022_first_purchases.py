"""What members bought by goods and day; the first and the second purchase of each, kept by triggers

Revision ID: 0022
Revises: 0021
Create Date: 2026-11-30 22:40:00.000000

"""
from logging import getLogger

from alembic import op
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

# revision identifiers, used by Alembic.
revision = '0022'
down_revision = '0021'
branch_labels = None
depends_on = None

log = getLogger('alembic.runtime.migration')
# MySQL and MariaDB: the user may not make triggers, or not while the binary log is on.
NOT_ALLOWED = {1142, 1227, 1419}
EVENTS = ('insert', 'update', 'delete')
PAID = '{row}.pay_status = 1 AND {row}.paid_on IS NOT NULL AND {row}.member_id IS NOT NULL'
OF_ORDER = ('member_id', 'pay_status', 'paid_on')


def upgrade():
    _tables()
    _index('created_at', 'pay_status', 'member_id', 'store_id', 'channel')
    if not op.get_bind().exec_driver_sql("SELECT 1 FROM stale_days WHERE kind = 'off'").first():
        _triggers()
    op.execute('INSERT INTO goods (sku, category) SELECT DISTINCT sku, category FROM order_items')
    op.execute(
        'INSERT INTO first_purchases (member_id, first_on, second_on)'
        ' SELECT n.member_id, MIN(n.paid_on), MIN(CASE WHEN n.place = 2 THEN n.paid_on END) FROM ('
        ' SELECT member_id, paid_on, ROW_NUMBER() OVER (PARTITION BY member_id ORDER BY paid_on) AS place'
        f" FROM orders WHERE {PAID.format(row='orders')}) n WHERE n.place <= 2 GROUP BY n.member_id"
    )
    # Every day has to be added up again; until then reports read the orders.
    op.execute(
        "INSERT INTO stale_days (kind, day) SELECT DISTINCT 'sales', o.paid_on FROM orders o WHERE o.pay_status = 1"
        " AND o.paid_on IS NOT NULL AND NOT EXISTS (SELECT 1 FROM stale_days s WHERE s.kind = 'sales' AND s.day = o.paid_on)"
    )


def _tables():
    op.create_table(
        'first_purchases',
        sa.Column('member_id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('first_on', sa.Date(), nullable=False),
        sa.Column('second_on', sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint('member_id', name=op.f('pk_first_purchases')),
        sqlite_with_rowid=False,
    )
    op.create_table(
        'goods',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('sku', sa.String(length=32), nullable=False),
        sa.Column('category', sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_goods')),
        sa.UniqueConstraint('sku', 'category', name=op.f('uq_goods_sku_category')),
    )
    op.create_table(
        'daily_buyer_items',
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('member_id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('store_id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('channel', sa.String(length=10), nullable=False),
        sa.Column('goods_id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('units', sa.Integer(), nullable=False),
        sa.Column('sales_cents', sa.BigInteger(), nullable=False),
        sa.Column('sales', sa.Numeric(precision=16, scale=2), sa.Computed('sales_cents / 100.0', persisted=False), nullable=True),
        sa.Column('baskets', sa.Integer(), nullable=False),
        sa.Column('category_orders', sa.Integer(), nullable=False),
        sa.Column('product_orders', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('day', 'member_id', 'store_id', 'channel', 'goods_id', name=op.f('pk_daily_buyer_items')),
        sqlite_with_rowid=False,
    )


def _index(*columns):
    op.drop_index('ix_orders_created_at', table_name='orders')
    op.create_index('ix_orders_created_at', 'orders', list(columns))


def _triggers():
    try:
        for event in EVENTS:
            op.get_bind().exec_driver_sql(_trigger(event))
        for event in ('insert', 'update'):
            op.get_bind().exec_driver_sql(_goods_trigger(event))
    except OperationalError as error:
        if not error.orig.args or error.orig.args[0] not in NOT_ALLOWED:
            raise
        log.warning('No triggers may be made here (%s), so reports will read every order. See docs/metrics.md.', error.orig)
        _drop_triggers()
        op.execute("INSERT INTO stale_days (kind, day) VALUES ('off', '2000-01-01')")


def _goods_trigger(event):
    """A number for what is sold for the first time."""
    is_sqlite = op.get_bind().dialect.name == 'sqlite'
    ignore = 'OR IGNORE' if is_sqlite else 'IGNORE'
    # Asked first, because MariaDB uses up a number for each row that is ignored.
    known = 'SELECT 1 FROM goods g WHERE g.sku = NEW.sku AND g.category = NEW.category'
    add = (
        f'INSERT {ignore} INTO goods (sku, category) SELECT NEW.sku, NEW.category FROM (SELECT 1 AS one) x'
        f' WHERE NOT EXISTS ({known});'
    )
    of = 'UPDATE OF sku, category' if is_sqlite and event == 'update' else event.upper()
    return f'CREATE TRIGGER order_items_{event}_goods AFTER {of} ON order_items FOR EACH ROW BEGIN {add} END'


def _trigger(event):
    """What was counted is looked up anew; what was not, or was another member's, comes in addition."""
    was, now = PAID.format(row='OLD'), PAID.format(row='NEW')
    is_known = f'COALESCE(OLD.member_id = NEW.member_id AND {was}, 0) = 1'
    steps = {
        'insert': _add(now),
        'update': _look_up(was) + _add(f'{now} AND NOT {is_known}'),
        'delete': _look_up(was),
    }[event]
    head = f'CREATE TRIGGER orders_{event}_first AFTER'
    if op.get_bind().dialect.name == 'sqlite':
        of = f"UPDATE OF {', '.join(OF_ORDER)}" if event == 'update' else event.upper()
        changed = ' OR '.join(f'OLD.{column} IS NOT NEW.{column}' for column in OF_ORDER)
        when = f' WHEN {changed}' if event == 'update' else ''
        return f'{head} {of} ON orders FOR EACH ROW{when} BEGIN {steps} END'
    same = ' AND '.join(f'OLD.{column} <=> NEW.{column}' for column in OF_ORDER)
    body = f'IF NOT ({same}) THEN {steps} END IF;' if event == 'update' else steps
    return f'{head} {event.upper()} ON orders FOR EACH ROW BEGIN {body} END'


def _add(condition):
    """One more purchase of a member: the earliest two of what there was and this one."""
    is_sqlite = op.get_bind().dialect.name == 'sqlite'
    # MySQL changes the columns in the order they are written in, so the second comes first.
    sets = (
        'second_on = CASE WHEN {day} < first_on THEN first_on WHEN second_on IS NULL OR {day} < second_on THEN {day} ELSE second_on END,'
        ' first_on = CASE WHEN {day} < first_on THEN {day} ELSE first_on END'
    ).format(day='NEW.paid_on')
    clash = 'ON CONFLICT (member_id) DO UPDATE SET' if is_sqlite else 'ON DUPLICATE KEY UPDATE'
    return (
        'INSERT INTO first_purchases (member_id, first_on, second_on) SELECT NEW.member_id, NEW.paid_on, NULL'
        f' FROM (SELECT 1 AS one) x WHERE {condition} {clash} {sets};'
    )


def _look_up(condition):
    """The earliest two purchases of a member who may have lost one."""
    of_member = 'o.member_id = OLD.member_id AND o.pay_status = 1 AND o.paid_on IS NOT NULL'
    second = f"SELECT p.paid_on FROM orders p WHERE {of_member.replace('o.', 'p.')} ORDER BY p.paid_on LIMIT 1 OFFSET 1"
    return (
        f'DELETE FROM first_purchases WHERE member_id = OLD.member_id AND {condition};'
        f' INSERT INTO first_purchases (member_id, first_on, second_on) SELECT o.member_id, MIN(o.paid_on), ({second})'
        f' FROM orders o WHERE {of_member} AND {condition} GROUP BY o.member_id;'
    )


def _drop_triggers():
    for event in EVENTS:
        op.get_bind().exec_driver_sql(f'DROP TRIGGER IF EXISTS orders_{event}_first')
        op.get_bind().exec_driver_sql(f'DROP TRIGGER IF EXISTS order_items_{event}_goods')


def downgrade():
    _drop_triggers()
    _index('created_at')
    for table in ('daily_buyer_items', 'goods', 'first_purchases'):
        op.drop_table(table)
