#!/bin/sh
# Prints a Python of 3.11 or newer that can make virtual environments, or says in one sentence what is missing.
# 3.12 and 3.11 come first: for them (on x86-64 Linux) a redis-server comes with the packages.
no_venv=""
for name in ${PYTHON:-} python3.12 python3.11 python3.13 python3.14 python3.15 python3 python; do
    "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue
    if "$name" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        command -v "$name"
        exit 0
    fi
    no_venv="$name"
done
if [ -n "$no_venv" ]; then
    echo "$no_venv cannot make virtual environments; install its venv module (Debian, Ubuntu: apt install python3-venv)." >&2
else
    echo "MCPShop needs Python 3.11 or newer; install it (apt install python3 python3-venv, brew install python) or name it: make PYTHON=/path/to/python3.11 run." >&2
fi
exit 1
