"""Campaigns: a plan from one sentence, published as a coupon, and what came of it."""
