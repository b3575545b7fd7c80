"""Answers of the operators' desk, and what a conversation is for

Revision ID: 0014
Revises: 0013
Create Date: 2026-11-30 19:30:00.000000

"""
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

import app.db

# revision identifiers, used by Alembic.
revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('conversations', sa.Column('purpose', sa.String(length=12), server_default='shop', nullable=False))
    op.create_table(
        'desk_answers',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('run_id', sa.String(length=32), nullable=False),
        sa.Column('conversation_id', sa.String(length=32), nullable=False),
        sa.Column('query', sa.String(length=500), nullable=False),
        sa.Column('intent', sa.String(length=12), nullable=False),
        sa.Column('question', sa.JSON(), nullable=True),
        sa.Column('body', sa.Text().with_variant(mysql.MEDIUMTEXT(), 'mysql', 'mariadb'), nullable=False),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_desk_answers_conversation_id_conversations'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_desk_answers_run_id_runs'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_desk_answers')),
        sa.UniqueConstraint('run_id', name=op.f('uq_desk_answers_run_id')),
    )
    with op.batch_alter_table('desk_answers', recreate='never') as batch_op:
        batch_op.create_index('ix_desk_answers_conversation_id_id', ['conversation_id', 'id'], unique=False)


def downgrade():
    op.drop_table('desk_answers')
    op.drop_column('conversations', 'purpose')
