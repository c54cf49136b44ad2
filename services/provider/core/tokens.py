"""Token counts where a vendor gives none."""

from collections.abc import Iterable

from services.provider.core.completion import Message, TokenCount, Usage

CHARACTERS_PER_TOKEN = 4
"""The fallback ratio of spec row PRV-05."""


def estimate(text: str) -> TokenCount:
    """Estimate the tokens of ``text`` as characters / 4, rounded up."""
    return TokenCount(tokens=-(-len(text) // CHARACTERS_PER_TOKEN), estimated=True)


def estimate_all(messages: Iterable[Message]) -> TokenCount:
    """Estimate the tokens of a conversation."""
    return TokenCount(tokens=sum(estimate(message.text).tokens for message in messages), estimated=True)


def estimate_usage(messages: Iterable[Message], answer: str) -> Usage:
    """Estimate what a call cost in tokens from what was sent and what came back."""
    return Usage(prompt_tokens=estimate_all(messages).tokens, completion_tokens=estimate(answer).tokens, estimated=True)


def estimate_written(characters: int, pieces: int) -> int:
    """Estimate the tokens of an answer of which ``characters`` have come in ``pieces``: a piece has at least one."""
    return max(-(-characters // CHARACTERS_PER_TOKEN), pieces)


def both(one: Usage, other: Usage) -> Usage:
    """Return the usage of two calls together."""
    return Usage(
        prompt_tokens=one.prompt_tokens + other.prompt_tokens,
        completion_tokens=one.completion_tokens + other.completion_tokens,
        estimated=one.estimated or other.estimated,
    )
