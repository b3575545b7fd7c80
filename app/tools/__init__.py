"""What agents may do: declaration, registry and the one executor."""
