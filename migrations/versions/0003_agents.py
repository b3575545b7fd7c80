"""Agents, their versions, ratings; what a run cost and how long it took

Revision ID: 0003
Revises: 0002
Create Date: 2026-11-21 15:54:25.792703

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

import app.db

# revision identifiers, used by Alembic.
revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


# Never by a copy of the table: on SQLite the drop of the old one would cascade to messages.
def upgrade():
    op.create_table('agents',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=120), nullable=False),
    sa.Column('purpose', sa.String(length=16), nullable=False),
    sa.Column('priority', sa.Integer(), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('monthly_budget_cents', sa.Integer(), nullable=True),
    sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
    sa.Column('updated_at', app.db.UtcDateTime(), nullable=False),
    sa.Column('deleted_at', app.db.UtcDateTime(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_agents')),
    sa.UniqueConstraint('name', name=op.f('uq_agents_name'))
    )
    op.create_index(op.f('ix_agents_purpose'), 'agents', ['purpose'], unique=False)
    op.create_table('agent_versions',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('agent_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('provider', sa.String(length=16), nullable=False),
    sa.Column('base_url', sa.String(length=400), nullable=False),
    sa.Column('model', sa.String(length=80), nullable=False),
    sa.Column('app_id', sa.String(length=80), nullable=False),
    sa.Column('sealed_key', sa.Text(), nullable=False),
    sa.Column('system_prompt', sa.Text(), nullable=False),
    sa.Column('temperature', sa.Double(), nullable=True),
    sa.Column('max_tokens', sa.Integer(), nullable=True),
    sa.Column('tools', sa.JSON(), nullable=True),
    sa.Column('weight', sa.Integer(), nullable=False),
    sa.Column('note', sa.String(length=200), nullable=False),
    sa.Column('created_by', sa.Integer(), nullable=True),
    sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['agent_id'], ['agents.id'], name=op.f('fk_agent_versions_agent_id_agents'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['created_by'], ['users.id'], name=op.f('fk_agent_versions_created_by_users'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_agent_versions')),
    sa.UniqueConstraint('agent_id', 'number', name=op.f('uq_agent_versions_agent_id_number'))
    )
    op.create_table('ratings',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('conversation_id', sa.String(length=32), nullable=False),
    sa.Column('agent_version_id', sa.Integer(), nullable=True),
    sa.Column('score', sa.Integer(), nullable=True),
    sa.Column('thumb', sa.Integer(), nullable=True),
    sa.Column('comment', sa.String(length=1000), nullable=False),
    sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
    sa.Column('updated_at', app.db.UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['agent_version_id'], ['agent_versions.id'], name=op.f('fk_ratings_agent_version_id_agent_versions'), ondelete='SET NULL'),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_ratings_conversation_id_conversations'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ratings')),
    sa.UniqueConstraint('conversation_id', name=op.f('uq_ratings_conversation_id'))
    )
    op.create_index(op.f('ix_ratings_agent_version_id'), 'ratings', ['agent_version_id'], unique=False)
    with op.batch_alter_table('conversations', recreate='never') as batch_op:
        batch_op.add_column(sa.Column('agent_version_id', sa.Integer(), nullable=True))
        # MySQL allows a default for a long text as an expression only.
        batch_op.add_column(sa.Column('summary', sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb'), nullable=False, server_default=sa.text("('')")))
        batch_op.add_column(sa.Column('summary_until', sa.Integer(), nullable=False, server_default='0'))
        batch_op.create_index(batch_op.f('ix_conversations_agent_version_id'), ['agent_version_id'])
    with op.batch_alter_table('runs', recreate='never') as batch_op:
        batch_op.add_column(sa.Column('agent_version_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('provider', sa.String(length=16), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('cost_micros', sa.BigInteger(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('first_token_ms', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('duration_ms', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('attempts', sa.Integer(), nullable=False, server_default='1'))
    op.create_index('ix_runs_agent_version_id_started_at', 'runs', ['agent_version_id', 'started_at'], unique=False)
    op.create_index('ix_runs_owner_started_at', 'runs', ['owner', 'started_at'], unique=False)


def downgrade():
    with op.batch_alter_table('runs', recreate='never') as batch_op:
        batch_op.drop_index('ix_runs_owner_started_at')
        batch_op.drop_index('ix_runs_agent_version_id_started_at')
        for name in ('attempts', 'duration_ms', 'first_token_ms', 'cost_micros', 'provider', 'agent_version_id'):
            batch_op.drop_column(name)
    with op.batch_alter_table('conversations', recreate='never') as batch_op:
        batch_op.drop_index(batch_op.f('ix_conversations_agent_version_id'))
        for name in ('summary_until', 'summary', 'agent_version_id'):
            batch_op.drop_column(name)
    op.drop_table('ratings')
    op.drop_table('agent_versions')
    op.drop_table('agents')
