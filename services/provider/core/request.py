"""The limits that a request meets before it goes to a vendor."""

from services.chassis.errors import invalid
from services.provider.core import schema
from services.provider.core.completion import Prompt

MAX_OUTPUT_TOKENS = 4_000
MAX_TEMPERATURE = 2.0


def check(prompt: Prompt) -> None:
    """Refuse what no vendor can answer, before it costs a call.

    Raises:
        CallerError: FIELD_REQUIRED, FIELD_OUT_OF_RANGE or FIELD_MALFORMED.
    """
    if not prompt.messages:
        raise invalid("generation.messages", "is empty; send at least one message", reason="FIELD_REQUIRED")
    if not 1 <= prompt.max_tokens <= MAX_OUTPUT_TOKENS:
        raise invalid("generation.max_output_tokens", f"must be 1 to {MAX_OUTPUT_TOKENS}", value=prompt.max_tokens)
    # A comparison with NaN is always false, so NaN is refused as well.
    if prompt.temperature is not None and not 0 <= prompt.temperature <= MAX_TEMPERATURE:
        raise invalid("generation.temperature", f"must be 0 to {MAX_TEMPERATURE:g}", value=prompt.temperature)
    if prompt.json_schema and not schema.is_schema(prompt.json_schema):
        raise invalid("generation.json_schema", "must be a JSON schema that is an object", reason="FIELD_MALFORMED")
