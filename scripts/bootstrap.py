"""Make `.venv` hold exactly what a lock file names; a second call with nothing to do takes milliseconds.

Also compiles translations and fetches the browser libraries, when needed. Run by the Makefile with whatever
Python 3.11+ the machine has; uses the standard library only.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
TRANSLATIONS = ROOT / "app" / "translations"
VENDOR = ROOT / "static" / "vendor"
DAY = 86_400


class BootstrapError(Exception):
    """The environment cannot be made; the message says why."""


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dev", action="store_true", help="install the tools of tests and checks too")
    parser.add_argument("--embeddings", action="store_true", help="install what finding by meaning needs too")
    arguments = parser.parse_args()
    try:
        ensure_environment()
        ensure_packages(ROOT / ("requirements-dev.lock" if arguments.dev else "requirements.lock"))
        if arguments.embeddings:
            ensure_packages(ROOT / "requirements-embeddings.lock")
    except BootstrapError as error:
        sys.exit(str(error))
    compile_translations()
    fetch_assets()


def ensure_environment() -> None:
    """Make `.venv`, or make it again when its Python has gone or is too old."""
    works = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
    if PYTHON.exists() and run(PYTHON, "-c", works).returncode == 0:
        return
    say("Making the virtual environment in .venv")
    try:
        venv.create(ENVIRONMENT, clear=True, with_pip=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise BootstrapError(f".venv could not be made: {error}") from None


def ensure_packages(lock: Path) -> None:
    """Install the exact versions of the lock, unless the stamp says that they are there."""
    stamp = ENVIRONMENT / f"{lock.name}.stamp"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    say(f"Installing the packages of {lock.name} (once; a minute or so)")
    # Warnings about old pip versions and script folders are of no use to whoever starts a shop.
    options = ("--quiet", "--disable-pip-version-check", "--no-warn-script-location")
    done = run(PYTHON, "-m", "pip", "install", *options, "-r", lock)
    if done.returncode:
        sys.stderr.write(done.stderr)
        raise BootstrapError("The packages could not be installed; what pip says is above.")
    stamp.write_text(wanted)


def compile_translations() -> None:
    """Compile each catalogue that is newer than its compiled form."""
    for source in TRANSLATIONS.glob("*/LC_MESSAGES/*.po"):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        done = run(
            PYTHON, "-m", "babel.messages.frontend", "compile", "-i", source, "-o", target, "--use-fuzzy"
        )
        if done.returncode:
            say(f"The translation {source.relative_to(ROOT)} could not be compiled: {done.stderr.strip()}")


def fetch_assets() -> None:
    """Fetch the browser libraries when npm is there; without them pages load the CDN's copies."""
    tried = ENVIRONMENT / "assets.stamp"
    is_recent = tried.exists() and time.time() - tried.stat().st_mtime < DAY
    if VENDOR.exists() or is_recent or shutil.which("npm") is None:
        return
    # An npm without a network takes its time to give up: one try a day.
    tried.touch()
    run(PYTHON, ROOT / "scripts" / "assets.py", timeout=30)


def run(*command: str | Path, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, keeping what it says."""
    arguments = [str(part) for part in command]
    try:
        return subprocess.run(
            arguments, cwd=ROOT, capture_output=True, text=True, check=False, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(arguments, 1, "", "it took too long")


def say(text: str) -> None:
    """Tell the person at the terminal what is being waited for."""
    print(text, flush=True)


if __name__ == "__main__":
    main()
