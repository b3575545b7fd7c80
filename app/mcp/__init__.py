"""The Model Context Protocol: our tools for every agent."""
