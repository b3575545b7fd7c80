"""All tools by name: those that are declared in the program, and those of attached servers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from app.core.errors import NotFound
from app.tools.spec import ToolSpec

Source = Callable[[], Mapping[str, ToolSpec]]


class Registry:
    """Names to specs; adding the same spec again is harmless, another of the same name is an error.

    `sources` give tools that come and go while the program runs. They are asked each time, so they must be quick;
    a declared tool goes before theirs.
    """

    def __init__(self) -> None:
        self._tools: dict[str, ToolSpec] = {}
        self.sources: list[Source] = []

    def add_all(self, tools: Iterable[ToolSpec]) -> None:
        for spec in tools:
            if self._tools.setdefault(spec.name, spec) is not spec:
                raise ValueError(f"two tools are called {spec.name}")

    def get(self, name: str) -> ToolSpec:
        """Raises NotFound."""
        spec = self.find(name)
        if spec is None:
            raise NotFound(name=name)
        return spec

    def find(self, name: str) -> ToolSpec | None:
        spec = self._tools.get(name)
        if spec is not None:
            return spec
        return next((found for source in self.sources if (found := source().get(name)) is not None), None)

    def has_declared(self, name: str) -> bool:
        """True when the name is a tool's of our own."""
        return name in self._tools

    def discard(self, name: str) -> None:
        """Forget a declared tool (tests)."""
        self._tools.pop(name, None)

    def __iter__(self) -> Iterator[ToolSpec]:
        yield from self._tools.values()
        for source in self.sources:
            yield from (spec for name, spec in source().items() if name not in self._tools)


registry = Registry()
