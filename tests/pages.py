"""The documents as text: what several tests read."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = {path.name: path.read_text("utf-8") for path in sorted((ROOT / "docs").glob("*.md"))}
README = (ROOT / "README.md").read_text("utf-8")
DOCUMENTS = {
    **PAGES,
    "README.md": README,
    **{name: (ROOT / name).read_text("utf-8") for name in ("CONTRIBUTING.md", "SECURITY.md")},
}


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a document in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENTS[page], re.M | re.S)


def without_blocks(text: str) -> str:
    """A document without its code blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def sessions(page: str) -> list[tuple[str, str]]:
    """Each command of the console blocks, and what is shown below it."""
    parts = "".join(f"\n{block}" for block in blocks(page, "console")).split("\n$ ")[1:]
    return [(command, out.strip()) for command, _, out in (part.partition("\n") for part in parts)]


def rows(text: str) -> list[list[str]]:
    """The cells of the body of one Markdown table."""
    lines = [line for line in text.splitlines()[2:] if line]
    return [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def table(page: str, name: str) -> list[list[str]]:
    """The cells of the body of a table between markers."""
    (found,) = re.findall(rf"<!-- table: {name} -->\n(.*?)<!-- end -->", PAGES[page], re.S)
    return rows(found)
