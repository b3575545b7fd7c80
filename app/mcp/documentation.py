"""A tool's documentation, made from what a client is told of it: parameters, an example call, the same for a shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext

from app.core.errors import N_
from app.mcp.parameters import Parameter, parameters_of
from app.mcp.queries import ToolRow
from app.tools.groups import find_group, switch_from
from app.tools.queries import Offer
from app.web.i18n import current_locale

PROTOCOL = "2026-07-28"
LANGUAGES = ("zh", "en")
KIND_LABELS = {
    "string": N_("text"),
    "integer": N_("whole number"),
    "number": N_("number"),
    "boolean": N_("true or false"),
    "array": N_("list"),
    "object": N_("object"),
}


@dataclass(frozen=True, slots=True)
class Documentation:
    """`descriptions` by language, as a client gets them; `request` is a call as JSON-RPC, `shell` the same for curl.

    `schema` is the JSON Schema as text.
    """

    descriptions: Mapping[str, str]
    schema: str
    parameters: list[Parameter]
    request: str
    shell: str


def documentation_of(row: ToolRow, address: str) -> Documentation | None:
    """The documentation of a tool in a group; None while the tool is not there. `address` is the group's endpoint."""
    group = find_group(row.group.id) if row.group else None
    if row.spec is None or row.setting is None or group is None:
        return None
    # The protocol's types take a while to import; no other page of the console needs them.
    from app.mcp.calls import described

    offer = Offer(row.spec, switch_from(row.setting))
    tools = {language: described(offer, group, language) for language in LANGUAGES}
    schema = tools[current_locale()].input_schema
    request = _request(row.name, example_of(schema))
    return Documentation(
        descriptions={language: tool.description or "" for language, tool in tools.items()},
        schema=pretty(schema),
        parameters=parameters_of(schema),
        request=pretty(request),
        shell=_shell(address, row.name, request),
    )


def pretty(value: Any) -> str:
    """JSON to read."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def kinds_in_words(parameter: Parameter) -> str:
    """What a value may be, in the reader's language."""
    if not parameter.kinds:
        return str(gettext("anything"))
    return " / ".join(gettext(KIND_LABELS[kind]) for kind in parameter.kinds)


def bounds_in_words(parameter: Parameter) -> str:
    """What a value must keep to, in the reader's language; "" for no bounds."""
    return " · ".join(_bounds(parameter))


def _bounds(parameter: Parameter) -> Iterator[str]:
    low, high = parameter.low, parameter.high
    if low is not None and high is not None:
        yield gettext("%(low)s to %(high)s", low=_figure(low), high=_figure(high))
    elif low is not None:
        yield gettext("at least %(low)s", low=_figure(low))
    elif high is not None:
        yield gettext("at most %(high)s", high=_figure(high))
    if parameter.max_length is not None:
        yield gettext("at most %(length)s characters", length=parameter.max_length)


def _figure(value: float) -> str:
    return f"{value:,.12g}"


def example_of(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments to show: what must be given, or one that may be where nothing must."""
    parameters = parameters_of(schema)
    shown = [one for one in parameters if one.is_required] or parameters[:1]
    return {one.name: one.example() for one in shown}


def _request(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": PROTOCOL,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": name, "arguments": arguments, "_meta": meta}
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}


def _shell(address: str, name: str, request: Mapping[str, Any]) -> str:
    headers = (
        # The shell puts the key in; it is on no page.
        '"Authorization: Bearer $MCP_KEY"',
        "'Content-Type: application/json'",
        "'Accept: application/json, text/event-stream'",
        f"'MCP-Protocol-Version: {PROTOCOL}'",
        "'Mcp-Method: tools/call'",
        shlex.quote(f"Mcp-Name: {name}"),
    )
    body = shlex.quote(json.dumps(request, ensure_ascii=False))
    lines = [f"curl -sS {shlex.quote(address)}", *(f"-H {header}" for header in headers), f"-d {body}"]
    return " \\\n  ".join(lines)
