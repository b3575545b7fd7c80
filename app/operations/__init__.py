"""The operators' desk: one sentence to a report, a diagnosis or a plan, over everything that insights and campaigns can do."""
