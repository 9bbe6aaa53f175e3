"""The OpenAPI description as a page for people: no script, nothing from another host."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, .path { font-family: ui-monospace, monospace; font-size: .92em; }
h2 { margin: 2.2rem 0 .3rem; font-size: 1.05rem; }
h2 b { display: inline-block; min-width: 3.6rem; }
.scope { opacity: .7; font-weight: normal; font-size: .85rem; }
table { border-collapse: collapse; margin: .4rem 0; width: 100%; }
td { border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); padding: .25rem .8rem .25rem 0;
     vertical-align: top; }
td:first-child { white-space: nowrap; }
.wide { overflow-x: auto; }
"""


def page(description: Mapping[str, Any]) -> str:
    """Return the page."""
    body = "".join(_operations(description))
    title = escape(f"{description['info']['title']} {description['info']['version']}")
    about = escape(str(description["info"].get("description", "")))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>{about}</p>"
        "<p>Every request carries <code>Authorization: Bearer …</code>; <code>qdeck token new</code> mints a "
        'token. The same for programs: <a href="/openapi.json">openapi.json</a>.</p>'
        f"{body}</html>"
    )


def _operations(description: Mapping[str, Any]) -> Iterator[str]:
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield f'<h2><b>{method.upper()}</b> <span class="path">{escape(path)}</span> '
            yield f'<span class="scope">scope {escape(operation.get("x-scope", ""))}</span></h2>'
            yield "".join(f"<p>{escape(p)}</p>" for p in str(operation.get("description", "")).split("\n\n"))
            rows = [
                *_parameters(operation),
                *_fields("body", _shape(operation.get("requestBody"), description)),
            ]
            answer = _shape(operation["responses"].get("200"), description)
            rows += _fields("answer", answer)
            yield f'<div class="wide"><table>{"".join(rows)}</table></div>'


def _parameters(operation: Mapping[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        yield _row(parameter["in"], parameter["name"], parameter["schema"], parameter.get("required", False))


def _shape(place: Mapping[str, Any] | None, description: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of a body's or an answer's JSON, empty when it has none."""
    content = (place or {}).get("content", {}).get("application/json", {}).get("schema", {})
    named = [content, *content.get("anyOf", ())]
    found = next((s["$ref"] for s in named if "$ref" in s), "")
    schema: Mapping[str, Any] = description["components"]["schemas"].get(found.rpartition("/")[2], {})
    return schema


def _fields(place: str, schema: Mapping[str, Any]) -> Iterator[str]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield _row(place, name, field, place == "body" and name in required)


def _row(place: str, name: str, schema: Mapping[str, Any], required: bool) -> str:
    must = " <b>required</b>" if required else ""
    about = escape(str(schema.get("description", "")))
    return (
        f"<tr><td>{escape(place)}</td><td><code>{escape(name)}</code></td>"
        f"<td>{escape(_kind(schema))}{must}</td><td>{about}</td></tr>"
    )


def _kind(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return str(schema.get("type") or schema.get("const") or "any")
