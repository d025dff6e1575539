"""The page at /docs: every endpoint, and a form to try one. It loads nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from pathlib import Path
from typing import Any

ASSETS = Path(__file__).parent.parent / "assets"


def docs_page(openapi: dict[str, Any]) -> tuple[str, dict[str, str]]:
    """The page made from an OpenAPI document, and the headers that let only this page run.

    >>> html, headers = docs_page({"info": {"title": "<b>", "version": "1"}, "paths": {}})
    >>> "<h1>&lt;b&gt; 1</h1>" in html, "script-src 'sha256-" in headers["content-security-policy"]
    (True, True)
    """
    script = (ASSETS / "service.js").read_text("utf-8")
    style = (ASSETS / "service.css").read_text("utf-8")
    info = openapi["info"]
    title = escape(f"{info['title']} {info['version']}")
    endpoints = "".join(
        _endpoint(path, method, said)
        for path, methods in openapi["paths"].items()
        for method, said in methods.items()
    )
    html = (ASSETS / "service.html").read_text("utf-8")
    for mark, text in (
        ("{{title}}", title),
        ("{{about}}", escape(info.get("description", ""))),
        ("{{endpoints}}", endpoints),
        ("{{style}}", style),
        ("{{script}}", script),
    ):
        html = html.replace(mark, text)
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "connect-src 'self'; img-src data: blob:; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )
    return html, {"content-security-policy": policy}


def _endpoint(path: str, method: str, said: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(answer.get('description', ''))}</td></tr>"
        for status, answer in said.get("responses", {}).items()
    )
    return (
        f"<section><h3><code>{escape(method.upper())} {escape(path)}</code> "
        f"{escape(said.get('summary', ''))}</h3><p>{escape(said.get('description', ''))}</p>"
        f"<table><thead><tr><th>status</th><th>when</th></tr></thead><tbody>{rows}</tbody></table>"
        "</section>"
    )


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"
