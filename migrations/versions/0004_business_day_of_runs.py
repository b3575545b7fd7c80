"""The business day of a run, and indexes that answer usage and budgets without reading the rows

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-21 16:30:00

"""
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from alembic import op
import sqlalchemy as sa

import app.db
from app.runtime import settings

# revision identifiers, used by Alembic.
revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table('runs', recreate='never') as batch_op:
        batch_op.add_column(sa.Column('day', sa.Date(), nullable=False, server_default='1970-01-01'))
    _fill()
    op.create_index('ix_runs_usage', 'runs', ['day', 'agent_version_id', 'model', 'provider', 'status', 'attempts', 'prompt_tokens', 'completion_tokens', 'cost_micros', 'first_token_ms', 'duration_ms'], unique=False)
    op.create_index('ix_runs_spending', 'runs', ['owner', 'day', 'provider', 'active_in', 'cost_micros', 'prompt_tokens', 'completion_tokens'], unique=False)
    op.create_index('ix_runs_agent_version_id_day_cost_micros', 'runs', ['agent_version_id', 'day', 'cost_micros'], unique=False)
    op.drop_index('ix_runs_owner_started_at', table_name='runs')


def downgrade():
    op.create_index('ix_runs_owner_started_at', 'runs', ['owner', 'started_at'], unique=False)
    op.drop_index('ix_runs_agent_version_id_day_cost_micros', table_name='runs')
    op.drop_index('ix_runs_spending', table_name='runs')
    op.drop_index('ix_runs_usage', table_name='runs')
    with op.batch_alter_table('runs', recreate='never') as batch_op:
        batch_op.drop_column('day')


def _fill():
    """The runs there are: one statement for each day, since the zone's clock may change between two."""
    runs = sa.table('runs', sa.column('started_at', app.db.UtcDateTime()), sa.column('day', sa.Date()))
    connection = op.get_bind()
    first, last = connection.execute(sa.select(sa.func.min(runs.c.started_at), sa.func.max(runs.c.started_at))).one()
    if first is None:
        return
    zone = ZoneInfo(settings().shop_timezone)
    day, end = first.astimezone(zone).date(), last.astimezone(zone).date()
    while day <= end:
        begin, after = (datetime.combine(each, time(), zone) for each in (day, day + timedelta(days=1)))
        connection.execute(runs.update().where(runs.c.started_at >= begin, runs.c.started_at < after).values(day=day))
        day += timedelta(days=1)
