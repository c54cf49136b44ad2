"""Page tokens of the list of packs: opaque to callers, and checked when they come back."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode

from services.chassis.errors import CallerError, invalid
from services.context.core import inputs

DEFAULT_PAGE = 100
MAX_PAGE = 1000
_VERSION = b"1:"


def token(last_pack_id: str) -> str:
    """Return the token of the page that begins after ``last_pack_id``."""
    return urlsafe_b64encode(_VERSION + last_pack_id.encode()).decode().rstrip("=")


def after(page_token: str) -> str:
    """Return the pack id after which the page of ``page_token`` begins; an empty token begins at the first pack."""
    if not page_token:
        return ""
    try:
        raw = urlsafe_b64decode(page_token.encode("ascii") + b"=" * (-len(page_token) % 4))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise _malformed() from error
    last = raw.removeprefix(_VERSION).decode("ascii", "replace")
    if not raw.startswith(_VERSION) or not inputs.is_pack_id(last):
        raise _malformed()
    return last


def _malformed() -> CallerError:
    return invalid("page_token", "must be a token that ListPacks gave, unchanged", reason="FIELD_MALFORMED")
