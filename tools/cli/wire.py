"""Messages of the contract as JSON for programs.

Canonical proto JSON, with every number, text and list that is empty too: who reads ``.position.index`` of the first
record shall find 0 there, and not nothing.
"""

from typing import Any

from google.protobuf.json_format import MessageToDict, MessageToJson
from google.protobuf.message import Message


def as_text(message: Message) -> str:
    """Return a message as indented JSON."""
    return MessageToJson(message, always_print_fields_with_no_presence=True)


def as_line(message: Message) -> str:
    """Return a message as one line of JSON, for those who read line by line."""
    return MessageToJson(message, indent=None, always_print_fields_with_no_presence=True)


def as_dict(message: Message) -> dict[str, Any]:
    """Return a message as what JSON would say, to be joined with more."""
    return MessageToDict(message, always_print_fields_with_no_presence=True)
