"""One vocabulary: words that the glossary of CONTRIBUTING replaces do not come back."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from pathlib import Path

import pytest

import ssimtool

PACKAGE = Path(ssimtool.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
# Names that say nothing of what they hold: a noun says it.
VAGUE = {"found", "given", "asked", "told", "made"}
# Phrases, and what to write.
PHRASES = {
    r"held against": "compared with",
    r"\basked (for|of)\b": "requested",
    r"\bas they lie\b": "in their memory layout",
    r"\bsomebody\b": "autograd, a compiler, a reader: say who",
    r"\b(can|could|to) mend\b": "fix",
    r"\bsays? of\b": "says about",
    r"\bthe way (forth|back|forward)\b": "forward pass, backward pass",
    r"\bwhat counts\b": "the region of interest",
    r"\bstands? in (the|a) record\b": "is recorded",
    r"\bgo(es)? on with\b": "continue, resume",
    r"\btakes away\b": "removes",
}


def _ids(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=_ids)
def test_names_say_what_they_hold(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    names |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)}
    names |= {n.name for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    classes = [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    fields = [n.target for c in classes for n in c.body if isinstance(n, ast.AnnAssign)]
    # a field of a record is public: `found` of a threshold on a statistic
    assert not (names & VAGUE) - {field.id for field in fields}


def _texts(path: Path) -> list[str]:
    """The comments and the strings of a module, docstrings among them, on one line each."""
    kinds = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", -1)}
    source = io.StringIO(path.read_text(encoding="utf-8"))
    tokens = [t for t in tokenize.generate_tokens(source.readline) if t.type in kinds]
    return [" ".join(re.sub(r"\s*\n\s*#?\s*", " ", t.string).split()) for t in tokens]


@pytest.mark.parametrize("path", MODULES, ids=_ids)
def test_texts_use_the_glossary(path):
    text = "\n".join(_texts(path))
    assert not [f"{p!r}: write {PHRASES[p]}" for p in PHRASES if re.search(p, text)]


# What a docstring may begin with that is no noun of what is returned.
NO_BEGINNING = re.compile(r"(Of|What|As|How|Likewise|Where|Under|So|By|Beside|Behind|From|That) ")


@pytest.mark.parametrize("path", MODULES, ids=_ids)
def test_docstrings_begin_with_a_verb_or_a_noun(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    for node in functions:
        docstring = ast.get_docstring(node) or ""
        assert not NO_BEGINNING.match(docstring), f"{node.name}: {docstring.splitlines()[0]}"
