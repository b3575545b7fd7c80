"""`python -m benchmarks [NAME ...] [NUMBER ...]`: run benchmark modules of this package that have a `main()`.

Numbers are for the benchmark itself (`insights`: how many orders, over how many days).
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent
NOT_BENCHMARKS = {
    "__init__",
    "__main__",
    "load",
    "many_orders",
    "mcp_servers",
    "model_server",
    "program",
    "table",
    "talks",
}


def main() -> int:
    """Run the named benchmarks, or all; returns the exit code."""
    known = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NOT_BENCHMARKS)
    wanted = [name for name in sys.argv[1:] if not name.isdecimal()] or known
    unknown = set(wanted) - set(known)
    if unknown:
        print(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 2
    for name in wanted:
        import_module(f"benchmarks.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main())
