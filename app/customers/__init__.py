"""What the shop knows of a customer, from their own orders and talks, and care plans made for them."""
