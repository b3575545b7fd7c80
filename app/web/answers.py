"""The form of the administration's JSON answers."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel

Data = TypeVar("Data")


class Answer(BaseModel, Generic[Data]):
    """`{success, data, message}`; `message` is in the request's language."""

    success: bool = True
    data: Data
    message: str = ""
