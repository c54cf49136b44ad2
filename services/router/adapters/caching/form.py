"""The form in which entries lie in a store: JSON, read as strictly as anything from outside."""

from pydantic import TypeAdapter, ValidationError

from services.router.core.caching.entry import Entry

_ENTRY = TypeAdapter(Entry)


def write(entry: Entry) -> str:
    """Return ``entry`` as text."""
    return _ENTRY.dump_json(entry).decode()


def read(text: str) -> Entry | None:
    """Return the entry that ``text`` says; None where it says none, as after a change of the form."""
    try:
        return _ENTRY.validate_json(text)
    except ValidationError:
        return None
