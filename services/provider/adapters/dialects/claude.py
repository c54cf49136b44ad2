"""What Anthropic's models take, by their names: the API answers 400 to what a model does not take."""

import re

_VERSION = re.compile(r"claude-(?:[a-z]+-)*(\d{1,2})(?:[.-](\d{1,2}))?(?!\d)")
"""claude-3-5-haiku-20241022, claude-opus-4-20250514, claude-sonnet-4-5; a date is no version."""
_NEWEST = (100, 0)


def continues(model: str) -> bool:
    """Return whether it goes on from an assistant's last message: known models before 4.6 do."""
    version = _version(model)
    return version is not None and version < (4, 6)


def takes_temperature(model: str) -> bool:
    """Return whether it takes a temperature: models from 4.7 on do not."""
    version = _version(model)
    return version is None or version < (4, 7)


def takes_forced_tool(model: str) -> bool:
    """Return whether it can be made to call a tool: models up to 5.0 can."""
    version = _version(model)
    return version is None or version <= (5, 0)


def _version(model: str) -> tuple[int, int] | None:
    """Return the version in a name, of a name without one the newest; None for a model of somebody else's."""
    if not model.startswith("claude-"):
        return None
    found = _VERSION.match(model)
    return (int(found[1]), int(found[2] or 0)) if found else _NEWEST
