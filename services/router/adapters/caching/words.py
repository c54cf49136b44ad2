"""The form of words between replicas, and the Redis channel that they travel on."""

from pydantic import TypeAdapter, ValidationError

from services.router.core.caching.epoch import Notice, Replaced, Word

CHANNEL = "cache:invalidate"
_WORD: TypeAdapter[Word] = TypeAdapter(Notice | Replaced)


def write(word: Word) -> str:
    """Return ``word`` as text."""
    return _WORD.dump_json(word).decode()


def read(text: str) -> Word | None:
    """Return the word that ``text`` says; None where it says none."""
    try:
        return _WORD.validate_json(text)
    except ValidationError:
        return None
