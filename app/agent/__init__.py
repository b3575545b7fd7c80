"""The shop assistant."""
