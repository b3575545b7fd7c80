"""Registration automation: a conversation, a personal welcome and word to the consultants for everybody who registers."""
