"""Lower-case letters without moving any offset."""


def lowered(text: str) -> str:
    """Return ``text`` in lower case, code point for code point.

    Tables match against this: the engine can skip ahead on plain letters, which it cannot when told to ignore case.
    """
    lower = text.lower()
    if len(lower) == len(text):
        return lower
    return "".join(small if len(small := character.lower()) == 1 else character for character in text)
