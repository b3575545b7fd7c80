"""Orders, payments and refunds."""
