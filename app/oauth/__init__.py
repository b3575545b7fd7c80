"""OAuth 2.1 for programs that act for a person at `/mcp`: their registration, a person's consent, tokens."""
