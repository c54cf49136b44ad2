"""Estimate tokens without a vendor's tokenizer."""

CHARACTERS_PER_TOKEN = 4
"""English prose (spec 4: token fallback 4 characters a token)."""


def estimate(text: str) -> int:
    """Return about how many tokens ``text`` has, 0 or more.

    ASCII counts a quarter of a token a character; every other character counts a whole one, because tokenizers made
    for English cut other scripts into about one token a character. So the estimate errs on the safe side there.
    """
    plain = sum(map(str.isascii, text)) if not text.isascii() else len(text)
    return -(-plain // CHARACTERS_PER_TOKEN) + len(text) - plain
