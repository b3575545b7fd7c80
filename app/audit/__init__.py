"""The record of what staff changed: who, what, when."""
