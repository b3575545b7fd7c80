"""Documents of the knowledge base

Revision ID: 0012
Revises: 0011
Create Date: 2026-11-21 19:20:00.000000

"""
from alembic import op
import sqlalchemy as sa

import app.db

# revision identifiers, used by Alembic.
revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'knowledge_documents',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('key', sa.String(length=60), nullable=False),
        sa.Column('title', sa.String(length=120), nullable=False),
        sa.Column('content', sa.Text(), nullable=False),
        sa.Column('title_en', sa.String(length=160), nullable=False),
        sa.Column('content_en', sa.Text(), nullable=False),
        sa.Column('tags', sa.JSON(), nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('edited_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('edited_by', sa.Integer(), nullable=True),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('updated_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['edited_by'], ['users.id'], name=op.f('fk_knowledge_documents_edited_by_users'), ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_knowledge_documents')),
        sa.UniqueConstraint('key', name=op.f('uq_knowledge_documents_key')),
    )
    with op.batch_alter_table('knowledge_documents', recreate='never') as batch_op:
        batch_op.create_index(batch_op.f('ix_knowledge_documents_updated_at'), ['updated_at'], unique=False)


def downgrade():
    op.drop_table('knowledge_documents')
