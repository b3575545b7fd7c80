"""Chat models behind one protocol: the built-in one, and any OpenAI-compatible service."""
