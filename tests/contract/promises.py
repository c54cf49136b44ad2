"""What the contract says about failures: the reasons that the comment of each method names."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PROTOS = Path(__file__).resolve().parents[2] / "protos" / "magistrate"
EVERYWHERE = frozenset({"NOT_YET_IMPLEMENTED"})
"""Reasons that no method names, because each may fail with them."""
_METHOD = re.compile(r"((?:^  //[^\n]*\n)+)^  rpc (\w+)\(", re.MULTILINE)
_REASONS = re.compile(r"Reasons: (.*)")
_REASON = re.compile(r"\b[A-Z]+(?:_[A-Z]+)+\b|\bCANCELLED\b|\bDRAINING\b|\bINTERNAL\b")
_OTHER = re.compile(r"\bas (\w+)")


@cache
def reasons(area: str) -> Mapping[str, frozenset[str]]:
    """Return the reasons of every method of ``area``; "as Append" stands for those of that method."""
    source = (PROTOS / area / "v1" / f"{area}.proto").read_text(encoding="utf-8")
    texts = {method: _stated(comment) for comment, method in _METHOD.findall(source)}
    return {method: frozenset(_all_named(method, texts)) | EVERYWHERE for method in texts}


def _stated(comment: str) -> str:
    text = " ".join(line.strip().removeprefix("//").strip() for line in comment.splitlines())
    found = _REASONS.search(text)
    return found.group(1) if found else ""


def _all_named(method: str, texts: Mapping[str, str]) -> set[str]:
    text = texts[method]
    other = _OTHER.search(text)
    return set(_REASON.findall(text)) | (_all_named(other.group(1), texts) if other else set())
