"""MCPShop: shop, assistant, MCP tools and store operations in one Flask application (see `app.factory`)."""

__version__ = "0.1.0"
