"""The demo shop: catalogue, customers and 90 days of orders."""
