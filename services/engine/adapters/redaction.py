"""Take credentials out of a message before it becomes evidence."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from services.chassis.credentials import redact


def clean(message: Message) -> None:
    """Replace, in every text at any depth of ``message``, what has the shape of a credential."""
    for field, value in message.ListFields():
        if field.message_type is not None:
            for part in _messages(field, value):
                clean(part)
        elif field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                value[:] = map(redact, value)
            else:
                setattr(message, field.name, redact(value))


def _messages(field: FieldDescriptor, value: Any) -> Iterator[Message]:  # Any: what a field holds
    """Yield the messages in a field; of a map of texts its values are cleaned here."""
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        if entry.fields_by_name["value"].type == FieldDescriptor.TYPE_STRING:
            for key in list(value):
                value[key] = redact(value[key])
        elif entry.fields_by_name["value"].message_type is not None:
            yield from value.values()
    elif field.is_repeated:
        yield from value
    else:
        yield value
