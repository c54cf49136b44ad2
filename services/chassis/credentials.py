"""The shapes of credentials, cut out of whatever is written down: logs, and evidence that is kept for ever."""

import re

REDACTED = "[redacted]"
_SHORTEST = 7
"""Characters below which no pattern matches; most values are shorter, and searching costs more than writing."""

_SHAPES = re.compile(
    r"eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"  # JSON Web Token
    r"|(?i:bearer|basic)\s+[\w.~+/=-]{8,}"  # authorization header
    r"|\b(?:sk|pk|rk)(?:-|_(?:live|test)_)[\w-]{16,}"  # model providers' and payment providers' keys
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"  # AWS access key
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bxox[abprs]-[\w-]{10,}|\bAIza[\w-]{30,}"  # GitHub, Slack, Google
    r"|\bglpat-[\w-]{20,}|\bhf_[A-Za-z0-9]{30,}"  # GitLab, Hugging Face
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<=://)[^\s/:@]+:[^\s/@]+(?=@)"  # user and password in a URL
    r"|(?i:(?:password|passwd|secret|api[_-]?key|token)[\"']?\s*[=:]\s*[\"']?)[^\s\"',;]{4,}",
    re.DOTALL,
)

_NAMES = re.compile(
    r"(?i)(?:.*[_.-])?(?:password|passwd|passphrase|secret|api[_-]?key|authorization|cookie|private[_-]?key"
    r"|(?:access|auth|refresh|id|session|bearer)[_-]?token|token)"
)


def redact(text: str) -> str:
    """Return ``text`` without anything that has the shape of a credential."""
    return text if len(text) < _SHORTEST else _SHAPES.sub(REDACTED, text)


def shows_one(text: str) -> bool:
    """Return whether something in ``text`` has the shape of a credential."""
    return redact(text) != text


def names_one(name: str) -> bool:
    """Return whether a field called ``name`` holds a credential, whatever that looks like."""
    return _NAMES.fullmatch(name) is not None
