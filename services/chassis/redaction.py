"""Take credentials out of a message before it is stored anywhere."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from services.chassis.credentials import redact


def clean(message: Message) -> bool:
    """Replace, in every text at any depth of ``message``, what looks like a credential; tell whether anything did."""
    found = False
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in _messages(field, value):
                found |= clean(part)
            found |= _texts_of_map(field, value)
        elif field.type == FieldDescriptor.TYPE_STRING:
            found |= _text(message, field, value)
    return found


def _text(message: Message, field: FieldDescriptor, value: Any) -> bool:  # Any: a text, or many
    if field.is_repeated:
        cleaned = [redact(text) for text in value]
        found = cleaned != list(value)
        value[:] = cleaned
        return found
    text = redact(value)
    setattr(message, field.name, text)
    return bool(text != value)


def _texts_of_map(field: FieldDescriptor, value: Any) -> bool:  # Any: what a field holds
    entry = field.message_type
    if entry is None or not entry.GetOptions().map_entry:
        return False
    if entry.fields_by_name["value"].type != FieldDescriptor.TYPE_STRING:
        return False
    before = dict(value)
    for key, text in before.items():
        value[key] = redact(text)
    return dict(value) != before


def _messages(field: FieldDescriptor, value: Any) -> Iterator[Message]:  # Any: what a field holds
    """Yield the messages in a field."""
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        if entry.fields_by_name["value"].message_type is not None:
            yield from value.values()
    elif field.is_repeated:
        yield from value
    else:
        yield value
