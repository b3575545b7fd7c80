"""The sample questions through the API, on both databases: the right intent, and the figures that their SQL gives."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from flask.testing import FlaskClient

from tests.insights.question_list import SAMPLE
from tests.insights.shop_data import TODAY
from tests.insights.test_figures import missing_rows
from tests.operations.desk_shop import ask, demo_file, desk, desk_shop  # noqa: F401

pytestmark = pytest.mark.redis


def kind_of(body: dict[str, Any]) -> str:
    return "refuse" if body["refused"] else str(body["intent"])


def test_the_sample_is_answered_over_the_api(desk: FlaskClient, demo_file: Path) -> None:  # noqa: F811
    truth, wrong = sqlite3.connect(demo_file), []
    for case in SAMPLE:
        body = ask(desk, case["question"])
        if kind_of(body) != case["expect"]:
            wrong.append((case["question"], kind_of(body)))
        if case["expect"] in ("clarify", "refuse"):
            assert body["debug"]["sql"] is None and body["report"] is None, case["question"]
        if case["expect"] == "report" and body["report"]:
            want = truth.execute(case["sql"], {"today": TODAY.isoformat()}).fetchall()
            rows = body["report"]["rows"]
            shown = cast(Any, SimpleNamespace(rows=rows))
            if len(rows) != len(want) or missing_rows(shown, want):
                wrong.append((case["question"], missing_rows(shown, want)[:1] or len(rows)))
    truth.close()
    assert wrong == []
