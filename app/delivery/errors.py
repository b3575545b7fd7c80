"""How a delivery can fail."""

from __future__ import annotations


class DeliveryFailed(Exception):
    """It failed for good: trying again would not help. `result` is a word for it, such as `http_400`."""

    is_final = True

    def __init__(self, result: str, message: str = "", retry_after: float | None = None) -> None:
        super().__init__(message or result)
        self.result = result
        self.retry_after = retry_after


class TryAgain(DeliveryFailed):
    """It may succeed later; `retry_after` seconds are what the service asks for."""

    is_final = False


class Gone(DeliveryFailed):
    """The browser does not take Web Push any more: forget it."""
