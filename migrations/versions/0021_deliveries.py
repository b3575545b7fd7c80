"""Deliveries of notifications, browsers that take Web Push, the key pair

Revision ID: 0021
Revises: 0020
Create Date: 2026-11-30 22:40:00.000000

"""
from alembic import op
import sqlalchemy as sa

import app.db

# revision identifiers, used by Alembic.
revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'notification_deliveries',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('notification_id', sa.Integer(), nullable=False),
        sa.Column('channel', sa.String(length=10), nullable=False),
        sa.Column('subscription', sa.Integer(), nullable=False),
        sa.Column('status', sa.String(length=10), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('lease', sa.String(length=32), nullable=False),
        sa.Column('result', sa.String(length=40), nullable=False),
        sa.Column('error', sa.String(length=300), nullable=False),
        sa.Column('tries', sa.JSON(), nullable=False),
        sa.Column('next_attempt_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('finished_at', app.db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['notification_id'], ['notifications.id'], name=op.f('fk_notification_deliveries_notification_id_notifications'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_notification_deliveries')),
        sa.UniqueConstraint('notification_id', 'channel', 'subscription', name=op.f('uq_notification_deliveries_notification_id_channel_subscription')),
    )
    op.create_index('ix_notification_deliveries_status_next_attempt_at', 'notification_deliveries', ['status', 'next_attempt_at'])
    op.create_index('ix_notification_deliveries_created_at_channel_status', 'notification_deliveries', ['created_at', 'channel', 'status'])
    op.create_index('ix_notification_deliveries_lease', 'notification_deliveries', ['lease'])
    op.create_table(
        'push_subscriptions',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('endpoint', sa.Text(), nullable=False),
        sa.Column('endpoint_hash', sa.String(length=64), nullable=False),
        sa.Column('p256dh', sa.String(length=120), nullable=False),
        sa.Column('auth', sa.String(length=40), nullable=False),
        sa.Column('user_agent', sa.String(length=200), nullable=False),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_push_subscriptions_user_id_users'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_push_subscriptions')),
        sa.UniqueConstraint('endpoint_hash', name=op.f('uq_push_subscriptions_endpoint_hash')),
    )
    op.create_index(op.f('ix_push_subscriptions_user_id'), 'push_subscriptions', ['user_id'])
    op.create_table(
        'vapid_keys',
        sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('public_key', sa.String(length=100), nullable=False),
        sa.Column('sealed_private_key', sa.Text(), nullable=False),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_vapid_keys')),
    )


def downgrade():
    for table in ('vapid_keys', 'push_subscriptions', 'notification_deliveries'):
        op.drop_table(table)
