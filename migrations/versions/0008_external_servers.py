"""External MCP servers

Revision ID: 0008
Revises: 0007
Create Date: 2026-11-21 19:00:00.000000

"""
from alembic import op
import sqlalchemy as sa

import app.db

# revision identifiers, used by Alembic.
revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'mcp_servers',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('code', sa.String(length=40), nullable=False),
        sa.Column('name', sa.String(length=80), nullable=False),
        sa.Column('transport', sa.String(length=8), nullable=False),
        sa.Column('url', sa.String(length=400), nullable=False),
        sa.Column('command', sa.String(length=200), nullable=False),
        sa.Column('arguments', sa.JSON(), nullable=False),
        sa.Column('sealed_key', sa.Text(), nullable=False),
        sa.Column('sealed_values', sa.Text(), nullable=False),
        sa.Column('prefix', sa.String(length=20), nullable=False),
        sa.Column('enabled', sa.Boolean(), nullable=False),
        sa.Column('trusts_hints', sa.Boolean(), nullable=False),
        sa.Column('allowed_roles', sa.JSON(), nullable=False),
        sa.Column('timeout_seconds', sa.Integer(), nullable=False),
        sa.Column('revision', sa.Integer(), nullable=False),
        sa.Column('status', sa.String(length=8), nullable=False),
        sa.Column('last_error', sa.String(length=500), nullable=False),
        sa.Column('last_seen_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('checked_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('server_name', sa.String(length=120), nullable=False),
        sa.Column('protocol', sa.String(length=20), nullable=False),
        sa.Column('skipped', sa.JSON(), nullable=False),
        sa.Column('created_by', sa.Integer(), nullable=True),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('updated_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ['created_by'], ['users.id'], name=op.f('fk_mcp_servers_created_by_users'), ondelete='SET NULL'
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_mcp_servers')),
        sa.UniqueConstraint('code', name=op.f('uq_mcp_servers_code')),
        sa.UniqueConstraint('prefix', name=op.f('uq_mcp_servers_prefix')),
    )
    op.create_table(
        'mcp_server_tools',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('server_id', sa.Integer(), nullable=False),
        sa.Column('name', sa.String(length=128), nullable=False),
        sa.Column('tool_name', sa.String(length=64), nullable=False),
        sa.Column('description', sa.Text(), nullable=False),
        sa.Column('input_schema', sa.JSON(), nullable=False),
        sa.Column('annotations', sa.JSON(), nullable=False),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('updated_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ['server_id'],
            ['mcp_servers.id'],
            name=op.f('fk_mcp_server_tools_server_id_mcp_servers'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_mcp_server_tools')),
        sa.UniqueConstraint('server_id', 'name', name=op.f('uq_mcp_server_tools_server_id_name')),
        sa.UniqueConstraint('tool_name', name=op.f('uq_mcp_server_tools_tool_name')),
    )


def downgrade():
    op.drop_table('mcp_server_tools')
    op.drop_table('mcp_servers')
