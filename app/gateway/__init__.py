"""The AI gateway: which model answers, with which instructions, at what cost, and what happens when one fails."""
