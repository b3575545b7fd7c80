"""The command group `flask insights`; its commands live in the modules that do the work."""

from __future__ import annotations

from flask.cli import AppGroup

insights = AppGroup("insights", help="Store operations: metric catalogue, SQL guard.")
