"""Registration automation: runs, steps, settings; notifications

Revision ID: 0016
Revises: 0015
Create Date: 2026-11-30 19:50:00.000000

"""
from alembic import op
import sqlalchemy as sa

import app.db

# revision identifiers, used by Alembic.
revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'automation_runs',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=20), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('conversation_id', sa.String(length=32), nullable=True),
        sa.Column('status', sa.String(length=12), nullable=False),
        sa.Column('reason', sa.String(length=20), nullable=False),
        sa.Column('is_fallback', sa.Boolean(), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('failures', sa.Integer(), nullable=False),
        sa.Column('lease', sa.String(length=32), nullable=False),
        sa.Column('due_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('error_code', sa.String(length=40), nullable=False),
        sa.Column('error', sa.String(length=500), nullable=False),
        sa.Column('alerted_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('registered_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('day', sa.Date(), nullable=False),
        sa.Column('welcomed_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('welcome_ms', sa.BigInteger(), nullable=True),
        sa.Column('finished_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_automation_runs_user_id_users'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_automation_runs')),
        sa.UniqueConstraint('kind', 'user_id', name=op.f('uq_automation_runs_kind_user_id')),
    )
    with op.batch_alter_table('automation_runs', recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_automation_runs_user_id'), ['user_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_automation_runs_conversation_id'), ['conversation_id'], unique=False)
        batch_op.create_index('ix_automation_runs_status_due_at', ['status', 'due_at'], unique=False)
        batch_op.create_index('ix_automation_runs_day_status', ['day', 'status'], unique=False)
    op.create_table(
        'automation_steps',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('run_id', sa.Integer(), nullable=False),
        sa.Column('position', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(length=24), nullable=False),
        sa.Column('status', sa.String(length=10), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('duration_ms', sa.Integer(), nullable=True),
        sa.Column('error_code', sa.String(length=40), nullable=False),
        sa.Column('error', sa.String(length=500), nullable=False),
        sa.Column('data', sa.JSON(), nullable=False),
        sa.Column('started_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('finished_at', app.db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['run_id'], ['automation_runs.id'], name=op.f('fk_automation_steps_run_id_automation_runs'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_automation_steps')),
        sa.UniqueConstraint('run_id', 'name', name=op.f('uq_automation_steps_run_id_name')),
    )
    with op.batch_alter_table('automation_steps', recreate='never') as batch_op:
        batch_op.create_index('ix_automation_steps_name_finished_at', ['name', 'finished_at'], unique=False)
    op.create_table(
        'automation_settings',
        sa.Column('name', sa.String(length=40), nullable=False),
        sa.Column('value', sa.JSON(), nullable=False),
        sa.Column('updated_by', sa.Integer(), nullable=True),
        sa.Column('updated_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['updated_by'], ['users.id'], name=op.f('fk_automation_settings_updated_by_users'), ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_automation_settings')),
    )
    op.create_table(
        'notifications',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=40), nullable=False),
        sa.Column('about_user_id', sa.Integer(), nullable=True),
        sa.Column('conversation_id', sa.String(length=32), nullable=True),
        sa.Column('payload', sa.JSON(), nullable=False),
        sa.Column('dedupe_key', sa.String(length=80), nullable=False),
        sa.Column('read_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['about_user_id'], ['users.id'], name=op.f('fk_notifications_about_user_id_users'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_notifications_user_id_users'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_notifications')),
        sa.UniqueConstraint('user_id', 'dedupe_key', name=op.f('uq_notifications_user_id_dedupe_key')),
    )
    with op.batch_alter_table('notifications', recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_notifications_about_user_id'), ['about_user_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_notifications_created_at'), ['created_at'], unique=False)
        batch_op.create_index('ix_notifications_dedupe_key', ['dedupe_key'], unique=False)
        batch_op.create_index('ix_notifications_user_id_read_at_id', ['user_id', 'read_at', 'id'], unique=False)


def downgrade():
    op.drop_table('notifications')
    op.drop_table('automation_settings')
    op.drop_table('automation_steps')
    op.drop_table('automation_runs')
