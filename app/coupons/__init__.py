"""Coupons: rules, claims, holds."""
