"""Parametric SVG drawings of the catalogue: one hand, one light (from the upper left), flat colour.

Every shape stands on its own origin (x = 0 is its middle, y = 0 the ground, up is negative)
and returns SVG text.
"""
