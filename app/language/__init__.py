"""One understanding of Chinese and English for search, chat, voice and reports. Pure: no Flask, no SQLAlchemy.

For a search index::

    from app.language.tokens import index_tokens, query_tokens, phrase_tokens
    from app.language.concepts import analyse, concept_tokens

    # Store (per product): " ".join(index_tokens(name_zh) + index_tokens(name_en) + concept_tokens(name_zh, name_en)) as
    # the title column, the descriptions likewise as the body column. All tokens are ASCII, [a-z0-9]{3,}.
    query = analyse("敏感肌能用的洁面")
    query.required      # concepts: a product fits if it has the token of one of them (empty: no condition)
    query.related       # concepts to fall back on: rank below, or only when nothing required fits the filters
    query.concepts      # each with .token, .kind, .terms_zh, .terms_en, .category_keys, .category_ids, .related
    query.free_tokens   # index tokens that no concept covers (names, codes): AND them first, OR them if nothing is found
    query.tokens        # index tokens of everything with content, for ranking

Concept tokens are part of the index: after a change in ``data/concepts`` the index has to be built anew.

``app.language.ranking.score`` is the one formula for how well a product fits a query; a search engine may use it to
order what its index found, and ``tier`` to keep loosely related products out of lists ordered by price or sales.
"""
