"""Saved reports and their runs

Revision ID: 0015
Revises: 0014
Create Date: 2026-11-30 19:30:00.000000

"""
from alembic import op
import sqlalchemy as sa

import app.db

# revision identifiers, used by Alembic.
revision = '0015'
down_revision = '0014'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'saved_reports',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('owner_id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(length=80), nullable=False),
        sa.Column('question_json', sa.JSON(), nullable=False),
        sa.Column('share_token', sa.String(length=64), nullable=True),
        sa.Column('rhythm', sa.String(length=8), nullable=False),
        sa.Column('at_minute', sa.Integer(), nullable=False),
        sa.Column('weekday', sa.Integer(), nullable=False),
        sa.Column('next_due_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('alert_metric', sa.String(length=40), nullable=False),
        sa.Column('alert_comparator', sa.String(length=2), nullable=False),
        sa.Column('alert_micros', sa.BigInteger(), nullable=True),
        sa.Column('alert_is_on', sa.Boolean(), nullable=False),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('updated_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['owner_id'], ['users.id'], name=op.f('fk_saved_reports_owner_id_users'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_reports')),
        sa.UniqueConstraint('share_token', name=op.f('uq_saved_reports_share_token')),
    )
    with op.batch_alter_table('saved_reports', recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_saved_reports_next_due_at'), ['next_due_at'], unique=False)
        batch_op.create_index('ix_saved_reports_owner_id_id', ['owner_id', 'id'], unique=False)
    op.create_table(
        'saved_report_runs',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('report_id', sa.Integer(), nullable=False),
        sa.Column('due_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('status', sa.String(length=8), nullable=False),
        sa.Column('attempts', sa.Integer(), nullable=False),
        sa.Column('lease', sa.String(length=32), nullable=False),
        sa.Column('lease_until', app.db.UtcDateTime(), nullable=False),
        sa.Column('error', sa.String(length=500), nullable=False),
        sa.Column('row_count', sa.Integer(), nullable=True),
        sa.Column('figure_micros', sa.BigInteger(), nullable=True),
        sa.Column('alerted', sa.Boolean(), nullable=False),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('finished_at', app.db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['report_id'], ['saved_reports.id'], name=op.f('fk_saved_report_runs_report_id_saved_reports'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_saved_report_runs')),
        sa.UniqueConstraint('report_id', 'due_at', name=op.f('uq_saved_report_runs_report_id_due_at')),
    )
    with op.batch_alter_table('saved_report_runs', recreate='never') as batch_op:
        batch_op.create_index('ix_saved_report_runs_status_lease_until', ['status', 'lease_until'], unique=False)


def downgrade():
    op.drop_table('saved_report_runs')
    op.drop_table('saved_reports')
