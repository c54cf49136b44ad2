"""EvaluatorService.Readjudicate on the wire: the same case under another policy, and nothing kept of it."""

import asyncpg
import pytest

from magistrate.common.v1 import judgement_pb2
from magistrate.common.v1.judgement_pb2 import Policy
from magistrate.evaluator.v1 import evaluator_pb2 as pb
from services.chassis.errors import Kind, MeshError
from tests.contract.evaluator.room import Room, case, opinion
from tests.contract.promises import reasons


@pytest.mark.spec("REC-18", "ENG-15")
async def test_the_verdict_of_its_time_and_of_another_policy(room: Room, pool: asyncpg.Pool) -> None:
    """Unset rules are those in force; a named policy and one to try out give their own verdict, with its grounds."""
    given = case(opinion("truth", 2.2))
    now = (await room.evaluator.Adjudicate(given)).adjudication
    kept = await pool.fetchval("select count(*) from reviews")
    same, named, tried = [
        (await room.evaluator.Readjudicate(request)).adjudication
        for request in (
            pb.ReadjudicateRequest(case=given),
            pb.ReadjudicateRequest(case=given, policy="cautious@1"),
            pb.ReadjudicateRequest(case=given, trial=Policy(reference="lax@1", violation_0_3=2.3)),
        )
    ]

    assert (same.verdict, same.audit_hash, same.policy) == (now.verdict, now.audit_hash, "standard@1")
    assert (now.verdict, list(now.grounds)) == (judgement_pb2.VERDICT_CONSTRAINED_ALLOW, ["violation:truth"])
    assert (named.verdict, list(named.grounds)) == (judgement_pb2.VERDICT_ESCALATE, ["severe:truth"])
    assert (tried.verdict, list(tried.grounds)) == (judgement_pb2.VERDICT_ALLOW, [])
    assert (named.policy, tried.policy) == ("cautious@1", "lax@1")
    assert await pool.fetchval("select count(*) from reviews") == kept


@pytest.mark.parametrize(
    ("rules", "kind", "reason"),
    [
        (pb.ReadjudicateRequest(policy="lost@1"), Kind.NOT_FOUND, "POLICY_NOT_FOUND"),
        (pb.ReadjudicateRequest(trial=Policy(reference="x")), Kind.INVALID, "FIELD_MALFORMED"),
        (pb.ReadjudicateRequest(trial=Policy(reference="x@1", min_critics=7)), Kind.INVALID, "FIELD_OUT_OF_RANGE"),
        (pb.ReadjudicateRequest(trial=Policy(min_critics=2)), Kind.INVALID, "FIELD_REQUIRED"),
    ],
)
async def test_rules_that_are_none_are_refused(
    room: Room, rules: pb.ReadjudicateRequest, kind: Kind, reason: str
) -> None:
    """An unknown policy and a malformed trial have their reasons."""
    asked = pb.ReadjudicateRequest(case=case())
    asked.MergeFrom(rules)
    with pytest.raises(MeshError) as refused:
        await room.evaluator.Readjudicate(asked)

    assert (refused.value.kind, refused.value.reason) == (kind, reason)
    assert reason in reasons("evaluator")["Readjudicate"]
