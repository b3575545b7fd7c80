"""Other programs' MCP servers: attached by an admin, their tools offered like our own."""
