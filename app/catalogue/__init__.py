"""Categories, products and search."""
