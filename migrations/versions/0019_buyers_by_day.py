"""Sums of sales by day and member

Revision ID: 0019
Revises: 0018
Create Date: 2026-11-30 20:20:00.000000

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '0019'
down_revision = '0018'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'daily_buyers',
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('member_id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('store_id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('channel', sa.String(length=10), nullable=False),
        sa.Column('orders', sa.Integer(), nullable=False),
        sa.Column('amount_cents', sa.BigInteger(), nullable=False),
        sa.Column('amount', sa.Numeric(precision=16, scale=2), sa.Computed('amount_cents / 100.0', persisted=False), nullable=True),
        sa.Column('original_amount_cents', sa.BigInteger(), nullable=False),
        sa.Column('original_amount', sa.Numeric(precision=16, scale=2), sa.Computed('original_amount_cents / 100.0', persisted=False), nullable=True),
        sa.PrimaryKeyConstraint('day', 'member_id', 'store_id', 'channel', name=op.f('pk_daily_buyers')),
        sqlite_with_rowid=False,
    )
    op.create_index('ix_daily_buyers_member_id_day_orders', 'daily_buyers', ['member_id', 'day', 'orders'])
    # Every day has to be added up again; until then reports read the orders.
    op.execute(
        "INSERT INTO stale_days (kind, day) SELECT DISTINCT 'sales', o.paid_on FROM orders o WHERE o.pay_status = 1"
        " AND o.paid_on IS NOT NULL AND NOT EXISTS (SELECT 1 FROM stale_days s WHERE s.kind = 'sales' AND s.day = o.paid_on)"
    )


def downgrade():
    op.drop_table('daily_buyers')
