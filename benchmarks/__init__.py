"""Benchmarks: `make bench` runs them all, `make bench ARGS="shop search"` some. Each prints one table."""
