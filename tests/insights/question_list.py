"""The question lists: the sample (scored as its own fields say) and our own (question -> fields of the answer)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def read_lines(name: str) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines() if line.strip()
    ]


SAMPLE = read_lines("questions.jsonl")
OWN = read_lines("own_questions.jsonl")
