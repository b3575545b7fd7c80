"""Finding by meaning: a sentence-transformers model and an index of what it makes of texts.

Both are optional (EMBED_MODEL_PATH, `make embeddings`): whoever searches here also has a way of finding by words, and
takes it on `Unavailable`.
"""
