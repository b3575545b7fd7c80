"""Voice sessions and their log

Revision ID: 0017
Revises: 0016
Create Date: 2026-11-30 19:50:00.000000

"""
from alembic import op
import sqlalchemy as sa

import app.db

# revision identifiers, used by Alembic.
revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'voice_sessions',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('key', sa.String(length=64), nullable=False),
        sa.Column('owner', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=True),
        sa.Column('locale', sa.String(length=8), nullable=False),
        sa.Column('state', sa.JSON(), nullable=False),
        sa.Column('version', sa.Integer(), nullable=False),
        sa.Column('asked_id', sa.String(length=32), nullable=True),
        sa.Column('asked_state', sa.String(length=10), nullable=False),
        sa.Column('asked_until', app.db.UtcDateTime(), nullable=True),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('updated_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_voice_sessions_user_id_users'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_voice_sessions')),
        sa.UniqueConstraint('owner', 'key', name=op.f('uq_voice_sessions_owner_key')),
    )
    with op.batch_alter_table('voice_sessions', recreate='never') as batch_op:
        batch_op.create_index('ix_voice_sessions_updated_at', ['updated_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_voice_sessions_user_id'), ['user_id'], unique=False)
    op.create_table(
        'voice_logs',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('session_id', sa.Integer(), nullable=False),
        sa.Column('step', sa.String(length=40), nullable=False),
        sa.Column('status', sa.String(length=20), nullable=False),
        sa.Column('message', sa.String(length=500), nullable=False),
        sa.Column('duration_ms', sa.Integer(), nullable=False),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['session_id'], ['voice_sessions.id'], name=op.f('fk_voice_logs_session_id_voice_sessions'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_voice_logs')),
    )
    with op.batch_alter_table('voice_logs', recreate='never') as batch_op:
        batch_op.create_index('ix_voice_logs_session_id_id', ['session_id', 'id'], unique=False)
        batch_op.create_index('ix_voice_logs_created_at', ['created_at'], unique=False)


def downgrade():
    op.drop_table('voice_logs')
    op.drop_table('voice_sessions')
