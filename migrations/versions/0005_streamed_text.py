"""What a tool said while it worked

Revision ID: 0005
Revises: 0004
Create Date: 2026-11-21 16:20:00.000000

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

# revision identifiers, used by Alembic.
revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('messages', recreate='never') as batch_op:
        # MySQL allows a default for a long text as an expression only.
        batch_op.add_column(sa.Column('streamed', sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb'), nullable=False, server_default=sa.text("('')")))


def downgrade():
    with op.batch_alter_table('messages', recreate='never') as batch_op:
        batch_op.drop_column('streamed')
