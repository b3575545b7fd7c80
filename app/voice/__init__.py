"""Voice commands: say it, hear it back, say yes."""
