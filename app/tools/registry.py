"""All declared tools by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from app.core.errors import NotFound
from app.tools.spec import ToolSpec


class Registry:
    """Names to specs; adding the same spec again is harmless, another of the same name is an error."""

    def __init__(self) -> None:
        self._tools: dict[str, ToolSpec] = {}

    def add_all(self, tools: Iterable[ToolSpec]) -> None:
        for spec in tools:
            if self._tools.setdefault(spec.name, spec) is not spec:
                raise ValueError(f"two tools are called {spec.name}")

    def get(self, name: str) -> ToolSpec:
        """Raises NotFound."""
        if name not in self._tools:
            raise NotFound(name=name)
        return self._tools[name]

    def find(self, name: str) -> ToolSpec | None:
        return self._tools.get(name)

    def discard(self, name: str) -> None:
        """Forget a tool (tests, and servers that are detached)."""
        self._tools.pop(name, None)

    def __iter__(self) -> Iterator[ToolSpec]:
        return iter(self._tools.values())


registry = Registry()
