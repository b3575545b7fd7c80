"""What a tool group's key may do, and the key that it replaced

Revision ID: 0006
Revises: 0005
Create Date: 2026-11-21 16:50:00.000000

"""
from alembic import op
import sqlalchemy as sa

import app.db

# revision identifiers, used by Alembic.
revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('mcp_tool_groups', recreate='never') as batch_op:
        batch_op.add_column(sa.Column('previous_hashed_api_key', sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column('previous_key_until', app.db.UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('right_names', sa.String(length=60), nullable=False, server_default='read'))


def downgrade():
    with op.batch_alter_table('mcp_tool_groups', recreate='never') as batch_op:
        batch_op.drop_column('right_names')
        batch_op.drop_column('previous_key_until')
        batch_op.drop_column('previous_hashed_api_key')
