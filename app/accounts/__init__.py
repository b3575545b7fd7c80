"""Users, roles, login, wallet and messages."""
