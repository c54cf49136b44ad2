"""Token counts where a vendor gives none."""

from collections.abc import Iterable

from services.provider.core.completion import Message, TokenCount, Usage

CHARACTERS_PER_TOKEN = 4
"""The fallback ratio of spec row PRV-05."""


def estimate(text: str) -> TokenCount:
    """Estimate the tokens of ``text`` as characters / 4, rounded up."""
    return TokenCount(tokens=-(-len(text) // CHARACTERS_PER_TOKEN), estimated=True)


def estimate_usage(messages: Iterable[Message], answer: str) -> Usage:
    """Estimate what a call cost in tokens from what was sent and what came back."""
    prompt = sum(estimate(message.text).tokens for message in messages)
    return Usage(prompt_tokens=prompt, completion_tokens=estimate(answer).tokens, estimated=True)


def estimate_written(characters: int, pieces: int) -> int:
    """Estimate the tokens of an answer of which ``characters`` have come in ``pieces``: a piece has at least one."""
    return max(-(-characters // CHARACTERS_PER_TOKEN), pieces)
