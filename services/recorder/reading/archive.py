"""Find what a tenant may read: logs, records and their opened bodies."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, replace

from services.chassis.errors import CallerError, invalid, not_found
from services.recorder.core import body
from services.recorder.core.envelope import check_decision_id
from services.recorder.core.filter import contradiction
from services.recorder.core.log import check_origin, outside, stream_of
from services.recorder.ports import EvidenceReader, Head, Keyring, Query, Stored

DEFAULT_PAGE = 100
LARGEST_PAGE = 1000
_LARGEST_INDEX = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a record is, as a caller says it: by the decision it records, or by log and index."""

    decision_id: str = ""
    origin: str = ""
    """Empty means the tenant's newest log."""
    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A record with its log and its opened body."""

    head: Head
    record: Stored
    payload: bytes
    salt: bytes
    """Empty, as the payload, where the body is no more: `record` says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Records in log order, and the token of the page behind them."""

    records: Sequence[Stored]
    next_token: str


class Archive:
    """Reads for one tenant at a time; what belongs to another does not exist."""

    def __init__(self, reader: EvidenceReader, keyring: Keyring) -> None:
        self._reader, self._keyring = reader, keyring

    async def log(self, tenant: str, origin: str) -> Head:
        """Return one of the tenant's logs, for an empty ``origin`` the newest.

        Raises:
            CallerError: LOG_NOT_FOUND; FIELD_MALFORMED, no log can have this name.
        """
        head = await self._head(tenant, origin)
        if head is None:
            raise not_found("LOG_NOT_FOUND", "origin", origin)
        return head

    async def find(self, tenant: str, place: Place) -> Found:
        """Return the record at ``place``.

        Raises:
            CallerError: RECORD_NOT_FOUND; FIELD_MALFORMED or FIELD_TOO_LONG, no record can have this name.
        """
        if place.decision_id:
            found = await self._reader.decision(tenant, check_decision_id(place.decision_id))
            if found is None:
                raise not_found("RECORD_NOT_FOUND", "decision_id", place.decision_id)
            return await self._opened(*found)
        head = await self._head(tenant, place.origin)
        record = await self._reader.record(head, place.index) if head else None
        if head is None or record is None:
            raise not_found("RECORD_NOT_FOUND", "index", f"{place.origin} {place.index}".strip())
        return await self._opened(head, record)

    async def find_to_prove(self, tenant: str, place: Place) -> Found:
        """Return the record at ``place``; say whether it is the log or the index that does not exist.

        Raises:
            CallerError: RECORD_NOT_FOUND, LOG_NOT_FOUND, INDEX_OUT_OF_RANGE, FIELD_MALFORMED, FIELD_TOO_LONG.
        """
        if place.decision_id:
            return await self.find(tenant, place)
        head = await self.log(tenant, place.origin)
        record = await self._reader.record(head, place.index)
        if record is None:
            raise outside("index", place.index, name=head.origin, size=head.frontier.size)
        return await self._opened(head, record)

    async def list(self, tenant: str, origin: str, query: Query, token: str) -> Page:
        """Return the page of ``query`` that ``token`` names; a tenant without a log has no records.

        Raises:
            CallerError: FIELD_OUT_OF_RANGE, the page is not 0 to 1000 records; FIELD_MALFORMED, the token is not ours;
                FILTERS_CONTRADICT, it is of another log; FIELD_MALFORMED or FIELD_TOO_LONG, no decision has this id.
        """
        check_decision_id(query.decision_id)
        if not 0 <= query.limit <= LARGEST_PAGE:
            raise invalid("page_size", f"must be from 0 to {LARGEST_PAGE}", value=query.limit)
        if token:
            place, after = _read_token(token)
            if origin not in {"", place}:
                raise contradiction("page_token", "origin", "the token is of another log")
            origin, query = place, replace(query, after=after)
        head = await self._reader.head(tenant, check_origin(origin), stream_of(query.kind))
        if head is None:
            return Page(records=(), next_token="")
        limit = query.limit or DEFAULT_PAGE
        hits = await self._reader.records(head, replace(query, limit=limit + 1))
        if len(hits.records) > limit:
            records = hits.records[:limit]
            return Page(records=records, next_token=_token(head.origin, records[-1].index))
        more = hits.upto < head.frontier.size
        return Page(records=hits.records, next_token=_token(head.origin, hits.upto - 1) if more else "")

    async def _head(self, tenant: str, origin: str) -> Head | None:
        return await self._reader.head(tenant, check_origin(origin))

    async def _opened(self, head: Head, record: Stored) -> Found:
        context = body.context(record.tenant, record.key)
        opened = await self._keyring.open(record.body, context) if record.body else None
        salt, payload = body.split(opened or b"")
        return Found(head=head, record=record, payload=payload, salt=salt)


def _token(origin: str, index: int) -> str:
    return base64.urlsafe_b64encode(f"{origin} {index}".encode()).decode()


def _read_token(token: str) -> tuple[str, int]:
    try:
        origin, _, digits = base64.urlsafe_b64decode(token).decode().rpartition(" ")
        index = int(digits)
        check_origin(origin)
    except (ValueError, binascii.Error, CallerError) as error:
        raise _foreign_token() from error
    if not 0 <= index <= _LARGEST_INDEX:
        raise _foreign_token()
    return origin, index


def _foreign_token() -> CallerError:
    return invalid("page_token", "must be the next_page_token of the page before", reason="FIELD_MALFORMED")
