"""What the call log is searched by, and counts of calls for statistics

Revision ID: 0010
Revises: 0009
Create Date: 2026-11-21 19:00:00.000000

"""
from collections import Counter
from datetime import datetime, time
from zoneinfo import ZoneInfo

from alembic import op
import sqlalchemy as sa

import app.db
from app.runtime import settings

# revision identifiers, used by Alembic.
revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

HOUR = sa.text(
    'SELECT tool_name, coalesce(group_id, 0), error_code, duration_ms, substr(created_at, 1, 13), count(*)'
    ' FROM mcp_call_logs GROUP BY 1, 2, 3, 4, 5'
)


def upgrade():
    with op.batch_alter_table('mcp_call_logs', recreate='never') as batch_op:
        batch_op.add_column(sa.Column('error_code', sa.String(length=40), nullable=False, server_default=''))
    op.execute("""
        UPDATE mcp_call_logs SET error_code = CASE
            WHEN response_data LIKE '{"error":{"code":"%' THEN
                substr(response_data, 19, CASE WHEN instr(substr(response_data, 19, 41), '"') > 1
                    THEN instr(substr(response_data, 19, 41), '"') - 1 ELSE 40 END)
            ELSE 'UNKNOWN' END
        WHERE NOT success
    """)
    op.create_index('ix_mcp_call_logs_group_id_created_at', 'mcp_call_logs', ['group_id', 'created_at'])
    op.create_index('ix_mcp_call_logs_caller_app_id_created_at', 'mcp_call_logs', ['caller_app_id', 'created_at'])
    op.create_index('ix_mcp_call_logs_success_created_at', 'mcp_call_logs', ['success', 'created_at'])
    op.create_index('ix_mcp_call_logs_error_code_created_at', 'mcp_call_logs', ['error_code', 'created_at'])
    # Only now: the foreign key needs one of the two.
    op.drop_index('ix_mcp_call_logs_group_id', table_name='mcp_call_logs')
    counts = op.create_table(
        'mcp_call_counts',
        sa.Column('span', sa.String(length=4), nullable=False),
        sa.Column('start', app.db.UtcDateTime(), nullable=False),
        sa.Column('tool_name', sa.String(length=64), nullable=False),
        sa.Column('group_id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('error_code', sa.String(length=40), nullable=False),
        sa.Column('duration_ms', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('calls', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('span', 'start', 'tool_name', 'group_id', 'error_code', 'duration_ms', name=op.f('pk_mcp_call_counts')),
        sqlite_with_rowid=False,
    )
    _count(counts)


def _count(counts):
    """Count the calls that the log has already."""
    zone = ZoneInfo(settings().shop_timezone)
    found = Counter()
    for tool, group, code, duration, text, calls in op.get_bind().execute(HOUR).all():
        hour = datetime.fromisoformat(f'{str(text)[:13]}:00:00+00:00')
        day = datetime.combine(hour.astimezone(zone).date(), time(), zone)
        for span, start in (('hour', hour), ('day', day)):
            found[(span, start, tool, group, code, _rounded(duration))] += calls
    names = ('span', 'start', 'tool_name', 'group_id', 'error_code', 'duration_ms', 'calls')
    rows = [dict(zip(names, (*key, calls))) for key, calls in found.items()]
    for first in range(0, len(rows), 1000):
        op.bulk_insert(counts, rows[first:first + 1000])


def _rounded(milliseconds):
    # As app.tools.durations had it.
    rest = max(0, milliseconds.bit_length() - 5)
    return (milliseconds >> rest << rest) + (1 << rest >> 1)


def downgrade():
    op.drop_table('mcp_call_counts')
    op.create_index('ix_mcp_call_logs_group_id', 'mcp_call_logs', ['group_id'])
    op.drop_index('ix_mcp_call_logs_error_code_created_at', table_name='mcp_call_logs')
    op.drop_index('ix_mcp_call_logs_success_created_at', table_name='mcp_call_logs')
    op.drop_index('ix_mcp_call_logs_caller_app_id_created_at', table_name='mcp_call_logs')
    op.drop_index('ix_mcp_call_logs_group_id_created_at', table_name='mcp_call_logs')
    with op.batch_alter_table('mcp_call_logs', recreate='never') as batch_op:
        batch_op.drop_column('error_code')
