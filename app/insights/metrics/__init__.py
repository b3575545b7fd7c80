"""The metric catalogue: what can be asked about the shop, by what it can be split, and how each figure is counted."""
