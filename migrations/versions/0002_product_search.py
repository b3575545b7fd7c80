"""the search index of the catalogue

One table, two engines: an FTS5 virtual table on SQLite, FULLTEXT indexes on MariaDB and MySQL. Both hold the
same tokens (app.language.tokens), so no engine's tokenizer, stop words or minimum length is ever involved.

Revision ID: 0002
Revises: 0001
"""
from alembic import op

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade():
    if op.get_bind().dialect.name == 'sqlite':
        op.execute(
            "CREATE VIRTUAL TABLE product_search USING fts5("
            "sku UNINDEXED, name_tokens, text_tokens, tokenize = 'ascii')"
        )
    else:
        op.execute(
            "CREATE TABLE product_search ("
            "sku VARCHAR(32) NOT NULL PRIMARY KEY, "
            "name_tokens TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL, "
            "popularity TINYINT UNSIGNED NOT NULL, "
            "text_tokens MEDIUMTEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL, "
            "FULLTEXT ft_product_search_name (name_tokens), "
            "FULLTEXT ft_product_search_all (name_tokens, text_tokens)"
            ") ENGINE=InnoDB"
        )


def downgrade():
    op.execute("DROP TABLE product_search")
