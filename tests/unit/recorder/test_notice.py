"""The recorder's own records cannot be written by anybody else, or forestalled."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.chassis.errors import CallerError
from services.recorder.core import alarm, erasure, export, obligation, retention, succession
from services.recorder.core.envelope import Draft, check
from services.recorder.core.export import Extent
from services.recorder.core.notice import check_producer
from services.recorder.core.obligation import Obligation
from services.recorder.core.retention import Kept

LOG = "evidence/local/acme/2026h2"
OVERDUE = Obligation(tenant="acme", intent="call-1", decision_id="", opened_at=datetime(2026, 7, 1, tzinfo=UTC))
NOTICES: dict[str, Draft] = {
    "damaged log": alarm.damaged_log("acme", LOG, 3, "is missing"),
    "damaged body": alarm.damaged_body("acme", LOG, 3, "is missing"),
    "erasure": erasure.drafts("acme", "GDPR", "0" * 32, {LOG: [1, 2]})[0],
    "export": export.disclosure("acme", LOG, Extent(start=0, stop=2, size=2), by="ada", identity="1", about=False),
    "retention": retention.announcement(Kept(log=1, origin=LOG, tenant="acme", size=9)),
    "signing key": succession.announcement("acme", LOG, "", bytes(32)),
    "unknown outcome": obligation.unknown(OVERDUE),
}


@pytest.mark.spec("REC-07")
@pytest.mark.parametrize("case", NOTICES)
def test_no_producer_speaks_for_the_recorder(case: str) -> None:
    """Whatever kind it is given, a record under the key of a notice is refused from everybody else."""
    notice = check(NOTICES[case])

    with pytest.raises(CallerError):
        check_producer(notice)
    with pytest.raises(CallerError, match="FIELD_MALFORMED"):
        check_producer(replace(notice, kind="ATTEMPT"))


@pytest.mark.parametrize("key", ["damage", "damaged/1", "erasure", "call/damage/1", "unknown-1"])
def test_keys_that_only_look_alike_are_anybodys(key: str) -> None:
    """Only the first part of a key, up to its slash, is kept for notices."""
    draft = replace(NOTICES["retention"], idempotency_key=key)

    assert check_producer(draft) is draft
