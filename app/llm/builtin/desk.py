"""What an act works at: the thread's memory, the tools at hand, and the answer it is writing."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.language.entities import PriceRange
from app.language.normalise import normalise
from app.llm.builtin.intents import Intent, Item
from app.llm.builtin.products import Product
from app.llm.builtin.replies import reply, yuan

Result = dict[str, Any]
_MAX_QUOTE = 40


@dataclass(frozen=True, slots=True)
class Call:
    """A tool to be called, with its arguments."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


# An act yields the calls of one round (run side by side) and is sent their results in the same order.
Act = Generator[list[Call], list[Result], None]


@dataclass(frozen=True, slots=True)
class Pending:
    """A question the last answer asked: which of these products (or this one?), to do what with it."""

    intent: Intent
    products: tuple[Product, ...]
    qty: int | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """The last search, for "any others?" and "and for dry hair?"."""

    phrase: str = ""
    category_id: int | None = None
    price: PriceRange | None = None
    sort: str = "relevance"


@dataclass
class Memory:
    """What the thread has come to, read from its tool calls and results; never a source of prices or stock."""

    shown: tuple[Product, ...] = ()
    seen: frozenset[str] = frozenset()
    focus: Product | None = None
    touched: Product | None = None
    pending: Pending | None = None
    search: Search | None = None
    last: Intent | None = None
    coupons: tuple[str, ...] = ()
    undo: tuple[Call, ...] = ()
    added: tuple[Product, ...] = ()

    def show(self, products: Sequence[Product]) -> None:
        """These were listed to the customer, in this order."""
        self.shown = tuple(products)
        self.seen |= {product.sku for product in products}
        self.focus = products[0] if len(products) == 1 else None


@dataclass
class Desk:
    """One turn's work: ``say`` writes the answer, ``memory`` carries over to the next turn.

    ``said`` are the keys of the sentences of the answer, for whoever wants to know what kind of answer it is.
    """

    language: str
    tools: frozenset[str]
    memory: Memory
    message: str = ""
    pending: Pending | None = None
    paragraphs: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def say(self, key: str, **slots: object) -> None:
        """Add a sentence to the answer."""
        self.said.append(key)
        self.paragraphs.append(reply(self.language, key, **slots))

    def phrase(self, key: str, **slots: object) -> str:
        """A sentence in the answer's language, to be put into another."""
        return reply(self.language, key, **slots)

    def join(self, parts: Sequence[str]) -> str:
        """A list as the language writes it."""
        return self.phrase("list_join").join(parts)

    def quote(self, phrase: str) -> str:
        """The customer's words for a thing; all they said where the phrase was put together from pieces of it."""
        if _compact(phrase) in _compact(self.message):
            return phrase
        return self.message if len(self.message) <= _MAX_QUOTE else self.message[:_MAX_QUOTE] + "…"

    def name(self, product: Product) -> str:
        return product.name(self.language)

    def can(self, tool: str) -> bool:
        """Whether the tool exists for this customer; says so in the answer when it does not."""
        if tool in self.tools:
            return True
        self.say("sign_in" if "list_products" in self.tools else "no_tool")
        return False

    def rows(self, products: Sequence[Product], *, numbered: bool = False, limit: int = 5) -> None:
        """Add up to ``limit`` products to the answer, a line each."""
        lines = []
        for n, product in enumerate(products[:limit], 1):
            key = ("row_numbered" if numbered else "row") + ("_out" if product.stock == 0 else "")
            lines.append(self.phrase(key, n=n, name=self.name(product), price=yuan(product.price_cents)))
        self.paragraphs.append("\n".join(lines if numbered else [f"- {line}" for line in lines]))

    def fail(self, result: Result) -> bool:
        """Report a tool's failure; False when it did not fail."""
        error = error_of(result)
        if error is None:
            return False
        message = str(error.get("message") or "")
        if str(error.get("code")) == "UNAUTHORIZED":
            self.say("sign_in")
        elif message:
            self.say("failed", message=message)
        else:
            self.say("failed_plain")
        return True

    @property
    def text(self) -> str:
        """The answer so far: sentences run on, lists stand on their own lines."""
        out = ""
        for part in self.paragraphs:
            block = "\n" in part or part.startswith("- ") or "\n" in out.rsplit("\n\n", 1)[-1]
            gap = (
                "\n"
                if block and (part.startswith(("- ", "1. ")) or "\n" in part)
                else "\n\n"
                if block
                else self._gap
            )
            out = part if not out else out.rstrip() + gap + part
        return out.strip()

    @property
    def _gap(self) -> str:
        return "" if self.language == "zh" else " "


def _compact(text: str) -> str:
    return normalise(text).replace(" ", "")


def error_of(result: Result) -> dict[str, Any] | None:
    """The error of a failed tool, or None."""
    error = result.get("error")
    if error is None:
        return None
    return error if isinstance(error, dict) else {"code": "", "message": str(error)}


def products_in(result: Result) -> list[Product]:
    """The products of a list_products or get_product result."""
    rows = result.get("products")
    if rows is None:
        rows = [result["product"]] if isinstance(result.get("product"), dict) else []
    return [Product.read(row) for row in rows if isinstance(row, dict)]


def cart_lines(result: Result) -> list[Product]:
    """The lines of the cart in a tool's result, as products with their quantities."""
    cart = result.get("cart")
    rows = cart.get("items") if isinstance(cart, dict) else None
    return [Product.read(row) for row in rows or [] if isinstance(row, dict)]


def search_call(item: Item, *, top_k: int = 8, sort: str = "relevance", in_stock: bool = False) -> Call:
    """The list_products call for an item, with no argument that says nothing."""
    arguments: dict[str, Any] = {"q": item.phrase, "top_k": top_k}
    if item.category_id is not None:
        arguments["category"] = str(item.category_id)
    if item.price and item.price.min_cents is not None:
        arguments["min_price"] = item.price.min_cents / 100
    if item.price and item.price.max_cents is not None:
        arguments["max_price"] = item.price.max_cents / 100
    if in_stock:
        arguments["in_stock"] = True
    if sort != "relevance":
        arguments["sort"] = sort
    return Call("list_products", arguments)
