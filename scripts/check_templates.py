"""Check the templates: each compiles, none holds what the CSP refuses, htmx's checker finds nothing old."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from jinja2 import TemplateSyntaxError

from app.config import Settings
from app.factory import create_app

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "templates"
# The content security policy would silently ignore these in the browser.
FORBIDDEN = {
    "an inline style": re.compile(r"<[^>{%]*\sstyle\s*=", re.IGNORECASE),
    "an inline event handler": re.compile(r"<[^>{%]*\son[a-z]+\s*=", re.IGNORECASE),
    "an inline script": re.compile(r"<script(?![^>]*\bsrc=)[^>]*>", re.IGNORECASE),
    "a style element": re.compile(r"<style\b", re.IGNORECASE),
}


def main() -> int:
    """Print each finding; returns the exit code."""
    findings = [*uncompilable(), *forbidden(), *outdated_htmx()]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


def uncompilable() -> list[str]:
    """Templates that Jinja refuses, with the application's own extensions and filters."""
    environment = create_app(Settings(app_env="test")).jinja_env
    found = []
    for path in sorted(TEMPLATES.rglob("*")):
        if path.is_file():
            try:
                environment.get_template(str(path.relative_to(TEMPLATES)))
            except TemplateSyntaxError as error:
                found.append(f"{path.relative_to(ROOT)}:{error.lineno}: {error.message}")
    return found


def forbidden() -> list[str]:
    """Places that hold what the content security policy refuses."""
    found = []
    for path in sorted(TEMPLATES.rglob("*.html")):
        text = path.read_text()
        for name, pattern in FORBIDDEN.items():
            for match in pattern.finditer(text):
                line = text.count("\n", 0, match.start()) + 1
                found.append(f"{path.relative_to(ROOT)}:{line}: {name}")
    return found


def outdated_htmx() -> list[str]:
    """What htmx's own upgrade check finds, when `make assets` has fetched it."""
    found = []
    for checker in (ROOT / "static" / "vendor").glob("htmx*/**/upgrade-check.py"):
        command = [sys.executable, str(checker), str(TEMPLATES)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        found += [line.replace(f"{ROOT}/", "") for line in done.stdout.splitlines() if is_outdated(line)]
    return found


def is_outdated(line: str) -> bool:
    """Whether a line of the check's output is a finding, and not one that looks old and is meant."""
    match = re.match(r"(.+?):(\d+): \[(\S+)\] (.*)", line)
    if match is None:
        return False
    path, number, rule, text = match.groups()
    # In htmx 4 this is the attribute that disables a button during its request, which is what we use it for.
    if rule == "renamed-attr" and text.startswith("hx-disable "):
        return False
    # An element with a request of its own says how to swap that one; nothing is meant to inherit it.
    source = Path(path).read_text().splitlines()[int(number) - 1]
    return rule != "inheritance" or not re.search(r"\bhx-(get|post|put|patch|delete)=", source)


if __name__ == "__main__":
    sys.exit(main())
