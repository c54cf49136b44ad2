"""Takes off the disguises that a person cannot read: base64, hex, percent signs, character escapes, ROT13."""

import base64
import binascii
import codecs
import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from services.critic.core.material import Span

READABLE_SHARE = 0.85
"""Share of letters, digits, spaces and common marks from which decoded bytes count as text."""

_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{12,}={0,2}(?:\r?\n[A-Za-z0-9+/_-]{4,}={0,2})*(?![A-Za-z0-9+/_-])"
)
_HEX = re.compile(r"(?<![0-9A-Za-z])(?:0x)?(?:[0-9A-Fa-f]{2}[\s:,]?(?:\\x|0x)?){8,}(?![0-9A-Za-z])")
_PERCENT = re.compile(r"(?:%[0-9A-Fa-f]{2}|[\w.+~-]){0,200}(?:%[0-9A-Fa-f]{2}[\w.+~-]{0,200}){2,}")
_ESCAPES = re.compile(r"(?:(?:\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|&#x?[0-9A-Fa-f]{1,6};)[ \w]{0,40}){3,}")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\x([0-9A-Fa-f]{2})")
_NOT_HEX = re.compile(r"0x|\\x|[\s:,]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """All that one codec finds in a text, each piece on its own line."""

    text: str
    pieces: tuple[tuple[int, Span], ...]
    """Where each piece begins in ``text``, and where it came from."""

    def source(self, span: Span) -> Span:
        """Return the place of the piece that holds the start of ``span``."""
        found = bisect_right(self.pieces, span.start, key=lambda piece: piece[0])
        return self.pieces[found - 1][1] if found else Span(0, 0)


def _base64(piece: str) -> str | None:
    """Undo a run, wrapped over lines or not; lines that do not belong together are tried one by one."""
    whole = _unpack("".join(piece.split()))
    if whole or "\n" not in piece:
        return whole
    return "\n".join(filter(None, map(_unpack, piece.split()))) or None


def _unpack(run: str) -> str | None:
    packed = run.rstrip("=").replace("-", "+").replace("_", "/")
    whole = packed[: len(packed) - (len(packed) % 4 == 1)]
    try:
        return _readable(base64.b64decode(whole + "=" * (-len(whole) % 4), validate=True))
    except (binascii.Error, ValueError):
        return None


def _hex(piece: str) -> str | None:
    digits = _NOT_HEX.sub("", piece)
    return _readable(bytes.fromhex(digits)) if len(digits) % 2 == 0 else None


def _percent(piece: str) -> str | None:
    return unquote(piece.replace("+", " "))


def _escapes(piece: str) -> str | None:
    return html.unescape(_ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), piece))


def _readable(raw: bytes) -> str | None:
    text = raw.decode(errors="replace")
    plain = sum(character.isalnum() or character in " \n\t.,;:!?'\"()-=+/%_&#\\<>" for character in text)
    return text if text and plain >= READABLE_SHARE * len(text) else None


_CODECS: tuple[tuple[str, re.Pattern[str], Callable[[str], str | None]], ...] = (
    ("base64", _BASE64, _base64),
    ("hex", _HEX, _hex),
    ("url", _PERCENT, _percent),
    ("escape", _ESCAPES, _escapes),
)


def decode(text: str) -> Iterator[tuple[str, Decoded]]:
    """Yield, per codec that finds anything, its name and what it decodes to. ROT13 always applies and comes last."""
    for name, shape, undo in _CODECS:
        decoded = _gather((undo(match[0]), Span(*match.span())) for match in shape.finditer(text))
        if decoded.pieces:
            yield name, decoded
    yield "rot13", Decoded(codecs.encode(text, "rot13"), ())


def _gather(found: Iterator[tuple[str | None, Span]]) -> Decoded:
    lines: list[str] = []
    pieces: list[tuple[int, Span]] = []
    begin = 0
    for plain, place in found:
        if plain:
            pieces.append((begin, place))
            lines.append(plain)
            begin += len(plain) + 1
    return Decoded("\n".join(lines), tuple(pieces))
