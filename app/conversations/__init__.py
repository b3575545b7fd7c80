"""Conversations, messages, runs and confirmations."""
