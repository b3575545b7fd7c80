"""Campaigns, their log and audience, and the mock CRM

Revision ID: 0013
Revises: 0012
Create Date: 2026-11-21 20:10:00.000000

"""
from alembic import op
import sqlalchemy as sa

import app.db

# revision identifiers, used by Alembic.
revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'campaigns',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('idempotency_key', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=120), nullable=False),
        sa.Column('goal', sa.String(length=200), nullable=False),
        sa.Column('budget_cents', sa.BigInteger(), nullable=False),
        sa.Column('budget', sa.Numeric(precision=14, scale=2), sa.Computed('budget_cents / 100.0', persisted=False), nullable=True),
        sa.Column('duration_days', sa.Integer(), nullable=False),
        sa.Column('plan_json', sa.JSON(), nullable=False),
        sa.Column('status', sa.String(length=12), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('lease', sa.String(length=32), nullable=False),
        sa.Column('lease_until', app.db.UtcDateTime(), nullable=False),
        sa.Column('error', sa.String(length=500), nullable=False),
        sa.Column('crm_coupon_id', sa.String(length=64), nullable=True),
        sa.Column('coupon_id', sa.Integer(), nullable=True),
        sa.Column('segment_size', sa.Integer(), nullable=True),
        sa.Column('start_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('end_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('created_by', sa.Integer(), nullable=True),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('updated_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['coupon_id'], ['coupons.id'], name=op.f('fk_campaigns_coupon_id_coupons')),
        sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_campaigns_created_by_users'), ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_campaigns')),
        sa.UniqueConstraint('idempotency_key', name=op.f('uq_campaigns_idempotency_key')),
    )
    with op.batch_alter_table('campaigns', recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_campaigns_created_at'), ['created_at'], unique=False)
        batch_op.create_index('ix_campaigns_status_lease_until', ['status', 'lease_until'], unique=False)
    op.create_table(
        'action_logs',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('campaign_id', sa.Integer(), nullable=False),
        sa.Column('idempotency_key', sa.String(length=100), nullable=False),
        sa.Column('action_type', sa.String(length=20), nullable=False),
        sa.Column('request_json', sa.JSON(), nullable=False),
        sa.Column('response_json', sa.JSON(), nullable=True),
        sa.Column('status', sa.String(length=10), nullable=False),
        sa.Column('error_message', sa.String(length=500), nullable=False),
        sa.Column('history', sa.JSON(), nullable=False),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('updated_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f('fk_action_logs_campaign_id_campaigns'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_action_logs')),
        sa.UniqueConstraint('idempotency_key', name=op.f('uq_action_logs_idempotency_key')),
    )
    with op.batch_alter_table('action_logs', recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_action_logs_campaign_id'), ['campaign_id'], unique=False)
    op.create_table(
        'campaign_members',
        sa.Column('campaign_id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('member_id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('store_id', sa.Integer(), nullable=False),
        sa.Column('level', sa.Integer(), nullable=False),
        sa.Column('recency', sa.Integer(), nullable=False),
        sa.Column('issued_at', app.db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['campaign_id'], ['campaigns.id'], name=op.f('fk_campaign_members_campaign_id_campaigns'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['member_id'], ['members.id'], name=op.f('fk_campaign_members_member_id_members'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_campaign_members_user_id_users'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('campaign_id', 'member_id', name=op.f('pk_campaign_members')),
    )
    with op.batch_alter_table('campaign_members', recreate='never') as batch_op:
        batch_op.create_index('ix_campaign_members_campaign_id_issued_at', ['campaign_id', 'issued_at'], unique=False)
        batch_op.create_index('ix_campaign_members_member_id_issued_at', ['member_id', 'issued_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_campaign_members_user_id'), ['user_id'], unique=False)
    op.create_table(
        'mock_crm_coupons',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('coupon_id', sa.String(length=40), nullable=False),
        sa.Column('idempotency_key', sa.String(length=64), nullable=False),
        sa.Column('body', sa.JSON(), nullable=False),
        sa.Column('status', sa.String(length=12), nullable=False),
        sa.Column('published_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_mock_crm_coupons')),
        sa.UniqueConstraint('coupon_id', name=op.f('uq_mock_crm_coupons_coupon_id')),
        sa.UniqueConstraint('idempotency_key', name=op.f('uq_mock_crm_coupons_idempotency_key')),
    )


def downgrade():
    op.drop_table('mock_crm_coupons')
    op.drop_table('campaign_members')
    op.drop_table('action_logs')
    op.drop_table('campaigns')
