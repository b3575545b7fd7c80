"""The consultants' desk

Revision ID: 0020
Revises: 0019
Create Date: 2026-11-30 22:30:00.000000

"""
from alembic import op
import sqlalchemy as sa

import app.db

# revision identifiers, used by Alembic.
revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('messages', sa.Column('author_id', sa.Integer(), nullable=True))
    op.add_column('conversations', sa.Column('handback_note', sa.Text(), nullable=True))
    op.create_table(
        'consultations',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('conversation_id', sa.String(length=32), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('source', sa.String(length=12), nullable=False),
        sa.Column('asked', sa.String(length=500), nullable=False),
        sa.Column('status', sa.String(length=10), nullable=False),
        sa.Column('open_in', sa.String(length=32), nullable=True),
        sa.Column('waiting_since', app.db.UtcDateTime(), nullable=False),
        sa.Column('offered_to', sa.Integer(), nullable=True),
        sa.Column('offered_until', app.db.UtcDateTime(), nullable=True),
        sa.Column('offers', sa.Integer(), nullable=False),
        sa.Column('claimed_by', sa.Integer(), nullable=True),
        sa.Column('claimed_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('taken_over_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('first_answer_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('closed_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('closed_reason', sa.String(length=20), nullable=False),
        sa.Column('escalations', sa.Integer(), nullable=False),
        sa.Column('escalated_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('customer_read_until', sa.Integer(), nullable=False),
        sa.Column('consultant_read_until', sa.Integer(), nullable=False),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['claimed_by'], ['users.id'], name=op.f('fk_consultations_claimed_by_users'), ondelete='SET NULL'),
        sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_consultations_conversation_id_conversations'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['offered_to'], ['users.id'], name=op.f('fk_consultations_offered_to_users'), ondelete='SET NULL'),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_consultations_user_id_users'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_consultations')),
        sa.UniqueConstraint('open_in', name=op.f('uq_consultations_open_in')),
    )
    op.create_index('ix_consultations_status_waiting_since', 'consultations', ['status', 'waiting_since'])
    op.create_index('ix_consultations_claimed_by_status', 'consultations', ['claimed_by', 'status'])
    op.create_index('ix_consultations_user_id_status', 'consultations', ['user_id', 'status'])
    op.create_index('ix_consultations_conversation_id_id', 'consultations', ['conversation_id', 'id'])
    op.create_index('ix_consultations_created_at', 'consultations', ['created_at'])
    op.create_index('ix_consultations_status_offered_until', 'consultations', ['status', 'offered_until'])
    op.create_index(op.f('ix_consultations_offered_to'), 'consultations', ['offered_to'])
    op.create_table(
        'consultant_presence',
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('status', sa.String(length=10), nullable=False),
        sa.Column('seen_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('offered_at', app.db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_consultant_presence_user_id_users'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('user_id', name=op.f('pk_consultant_presence')),
    )
    op.create_index(op.f('ix_consultant_presence_seen_at'), 'consultant_presence', ['seen_at'])
    op.create_table(
        'consultation_notes',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('conversation_id', sa.String(length=32), nullable=False),
        sa.Column('author_id', sa.Integer(), nullable=True),
        sa.Column('text', sa.Text(), nullable=False),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['author_id'], ['users.id'], name=op.f('fk_consultation_notes_author_id_users'), ondelete='SET NULL'),
        sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_consultation_notes_conversation_id_conversations'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_consultation_notes')),
    )
    op.create_index('ix_consultation_notes_conversation_id_id', 'consultation_notes', ['conversation_id', 'id'])
    op.create_table(
        'canned_replies',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('code', sa.String(length=24), nullable=False),
        sa.Column('text_zh', sa.Text(), nullable=False),
        sa.Column('text_en', sa.Text(), nullable=False),
        sa.Column('enabled', sa.Boolean(), nullable=False),
        sa.Column('updated_at', app.db.UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_canned_replies')),
        sa.UniqueConstraint('code', name=op.f('uq_canned_replies_code')),
    )


def downgrade():
    op.drop_table('canned_replies')
    op.drop_table('consultation_notes')
    op.drop_table('consultant_presence')
    op.drop_table('consultations')
    op.execute("UPDATE conversations SET status = 'assistant' WHERE status IN ('waiting', 'consultant')")
    op.drop_column('conversations', 'handback_note')
    op.drop_column('messages', 'author_id')
