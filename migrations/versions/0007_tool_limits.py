"""Limits and fixed arguments of tools

Revision ID: 0007
Revises: 0006
Create Date: 2026-11-21 19:00:00.000000

"""
from alembic import op
import sqlalchemy as sa

# revision identifiers, used by Alembic.
revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('mcp_tool_groups', recreate='never') as batch_op:
        batch_op.add_column(sa.Column('calls_per_minute', sa.Integer(), nullable=True))
    with op.batch_alter_table('mcp_tools', recreate='never') as batch_op:
        batch_op.add_column(sa.Column('calls_per_minute', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('fixed_arguments', sa.JSON(), nullable=False, server_default=sa.text("('{}')")))


def downgrade():
    with op.batch_alter_table('mcp_tools', recreate='never') as batch_op:
        batch_op.drop_column('fixed_arguments')
        batch_op.drop_column('calls_per_minute')
    with op.batch_alter_table('mcp_tool_groups', recreate='never') as batch_op:
        batch_op.drop_column('calls_per_minute')
