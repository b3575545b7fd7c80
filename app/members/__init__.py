"""Stores and loyalty members."""
