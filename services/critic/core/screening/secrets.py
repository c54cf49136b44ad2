"""Shapes of credentials. A finding says where a secret stands and of what kind it is, never what it is."""
# ruff: noqa: E501 - a pattern is one row of a table; cut in pieces it could not be read or searched

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from services.critic.core.material import Span
from services.critic.core.screening.verdict import Level, ScreenFinding

MIN_ENTROPY_BITS = 3.0
"""Shannon entropy per character under which an assigned value is taken for a word or a placeholder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shape:
    name: str
    level: Level
    score: float
    pattern: re.Pattern[str]
    """Its group ``secret`` is the part that must not be shown."""
    random: bool
    """Whether the value must also look random."""


def _shape(name: str, pattern: str, *, level: Level = Level.HIGH, score: float = 0.9, random: bool = True) -> _Shape:
    return _Shape(name=name, level=level, score=score, pattern=re.compile(pattern), random=random)


_SHAPES: tuple[_Shape, ...] = (
    _shape("aws_key", r"(?<![A-Z0-9])(?P<secret>(?:AKIA|ASIA)[A-Z2-7]{16})(?![A-Z0-9])"),
    _shape("github_token", r"(?<!\w)(?P<secret>(?:gh[pousr]_[A-Za-z0-9]{36,80}|github_pat_\w{40,100}))(?!\w)"),
    _shape("gitlab_token", r"(?<!\w)(?P<secret>glpat-[\w-]{20,40})(?!\w)"),
    _shape("slack_token", r"(?<!\w)(?P<secret>xox[abprs]-[\w-]{10,80})(?!\w)"),
    _shape(
        "vendor_key",
        r"(?<!\w)(?P<secret>(?:sk|pk|rk)[-_](?:ant-|proj-|live[-_]|test[-_])?[A-Za-z0-9_-]{20,120})(?![\w-])",
    ),
    _shape("google_key", r"(?<!\w)(?P<secret>AIza[\w-]{35})(?![\w-])"),
    _shape("json_web_token", r"(?<!\w)(?P<secret>eyJ[\w-]{10,400}\.eyJ[\w-]{10,1200}\.[\w-]{10,600})(?!\w)"),
    _shape("private_key", r"(?P<secret>-----BEGIN (?:[A-Z]{2,12} ){0,2}PRIVATE KEY-----)", random=False),
    _shape("bearer", r"(?i:\bbearer\s+)(?P<secret>[A-Za-z0-9._~+/-]{20,400}=*)"),
    _shape(
        "url_password",
        r"\b[a-z][a-z0-9+]{1,15}://[^\s:/@]{1,60}:(?P<secret>[^\s:/@]{3,80})@[\w.-]{1,80}",
        random=False,
        score=0.8,
    ),
    _shape(
        "assigned",
        r"(?i:\b(?:api[_ -]?key|secret(?:[_ -]?key)?|access[_ -]?token|auth[_ -]?token|client[_ -]?secret|private[_ -]?key|encryption[_ -]?key)\b[\"']?\s{0,3}(?:[:=]|is)\s{0,3}[\"']?)(?P<secret>[A-Za-z0-9_+/.~=-]{12,120})",
        level=Level.MEDIUM,
        score=0.6,
    ),
    _shape(
        "password",
        r"(?i:\b(?:password|passwd|pwd|passphrase|pin code)[\"']?\s{0,3}(?:[:=]|\bis\b)\s{0,3}[\"']?)(?P<secret>(?=\S{0,40}[\d!@#$%^&*])[^\s\"']{6,64})",
        level=Level.MEDIUM,
        score=0.55,
        random=False,
    ),
)

_PLACEHOLDER = re.compile(
    r"example|placeholder|dummy|sample|your[_-]?|changeme|redacted|insert|x{4,}|\*{3,}|\.{3,}|<|\{|0{8,}|1234567|abcdefgh",
    re.IGNORECASE,
)


def find_secrets(text: str, chain: tuple[str, ...] = ()) -> Iterator[ScreenFinding]:
    """Yield every credential shape in ``text``; well-known placeholders are none."""
    for shape in _SHAPES:
        for match in shape.pattern.finditer(text):
            if _real(match["secret"], shape):
                yield ScreenFinding(
                    rule_id=f"secret.{shape.name}",
                    level=shape.level,
                    score=shape.score,
                    span=Span(*match.span("secret")),
                    chain=chain,
                    description=f"A credential is written out ({shape.name.replace('_', ' ')}).",
                )


def _real(value: str, shape: _Shape) -> bool:
    if _PLACEHOLDER.search(value):
        return False
    return not shape.random or entropy(value) >= MIN_ENTROPY_BITS


def entropy(value: str) -> float:
    """Return the Shannon entropy of the characters of ``value``, in bits per character."""
    counts = Counter(value).values()
    return -sum(count / len(value) * math.log2(count / len(value)) for count in counts)
