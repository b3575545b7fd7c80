"""OAuth clients, grants and tokens

Revision ID: 0009
Revises: 0008
Create Date: 2026-11-21 19:00:00.000000

"""
from alembic import op
import sqlalchemy as sa

import app.db

# revision identifiers, used by Alembic.
revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        'oauth_clients',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('client_id', sa.String(length=500), nullable=False),
        sa.Column('client_key', sa.String(length=64), nullable=False),
        sa.Column('is_document', sa.Boolean(), nullable=False),
        sa.Column('name', sa.String(length=100), nullable=False),
        sa.Column('uri', sa.String(length=500), nullable=False),
        sa.Column('auth_method', sa.String(length=20), nullable=False),
        sa.Column('secret_hash', sa.String(length=64), nullable=True),
        sa.Column('redirect_uris', sa.JSON(), nullable=False),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('fresh_until', app.db.UtcDateTime(), nullable=True),
        sa.Column('last_used_at', app.db.UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_oauth_clients')),
        sa.UniqueConstraint('client_key', name=op.f('uq_oauth_clients_client_key')),
    )
    op.create_table(
        'oauth_grants',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('client_id', sa.Integer(), nullable=False),
        sa.Column('user_id', sa.Integer(), nullable=False),
        sa.Column('resource', sa.String(length=300), nullable=False),
        sa.Column('scope_names', sa.String(length=60), nullable=False),
        sa.Column('redirect_uri', sa.String(length=500), nullable=False),
        sa.Column('code_hash', sa.String(length=64), nullable=False),
        sa.Column('code_challenge', sa.String(length=43), nullable=False),
        sa.Column('code_used_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('expires_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('last_used_at', app.db.UtcDateTime(), nullable=True),
        sa.Column('revoked_at', app.db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['client_id'], ['oauth_clients.id'], name=op.f('fk_oauth_grants_client_id_oauth_clients'), ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_oauth_grants_user_id_users'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_oauth_grants')),
        sa.UniqueConstraint('code_hash', name=op.f('uq_oauth_grants_code_hash')),
    )
    with op.batch_alter_table('oauth_grants', schema=None) as batch_op:
        for column in ('client_id', 'user_id', 'expires_at'):
            batch_op.create_index(batch_op.f(f'ix_oauth_grants_{column}'), [column], unique=False)
    op.create_table(
        'oauth_tokens',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('grant_id', sa.Integer(), nullable=False),
        sa.Column('kind', sa.String(length=8), nullable=False),
        sa.Column('token_hash', sa.String(length=64), nullable=False),
        sa.Column('scope_names', sa.String(length=60), nullable=False),
        sa.Column('created_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('expires_at', app.db.UtcDateTime(), nullable=False),
        sa.Column('used_at', app.db.UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['grant_id'], ['oauth_grants.id'], name=op.f('fk_oauth_tokens_grant_id_oauth_grants'), ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_oauth_tokens')),
        sa.UniqueConstraint('token_hash', name=op.f('uq_oauth_tokens_token_hash')),
    )
    with op.batch_alter_table('oauth_tokens', schema=None) as batch_op:
        for column in ('grant_id', 'expires_at'):
            batch_op.create_index(batch_op.f(f'ix_oauth_tokens_{column}'), [column], unique=False)


def downgrade():
    op.drop_table('oauth_tokens')
    op.drop_table('oauth_grants')
    op.drop_table('oauth_clients')
