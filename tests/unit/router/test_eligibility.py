"""Who may answer at all: health, capabilities, size; and the reason where nobody may."""

from dataclasses import replace

import pytest

from services.chassis.errors import Kind, MeshError
from services.router.core.outlook import Outlook
from services.router.core.request import Limits, VotingRule
from services.router.core.spend.reservation import claims_of
from tests.unit.router.choosing import POLICY, decided, names
from tests.unit.router.requests import Changes

SCHEMA = '{"type": "object"}'
EVERYBODY = frozenset({"local", "openai", "anthropic"})


@pytest.mark.spec("RTR-17")
def test_who_is_away_is_not_asked_and_it_is_said() -> None:
    """An open breaker means no call; the others move up."""
    made = decided(Outlook(away=frozenset({"local"})))
    assert names(made) == ["openai-mini", "anthropic-haiku"]
    assert [left.model.name for left in made.left_out] == ["local-tiny"]
    assert "local-tiny is left out: local is away" in made.explanation


@pytest.mark.spec("RTR-17", "ENG-12")
@pytest.mark.parametrize("changes", [{}, {"model": "openai-mini", "roles": ("admin",)}])
def test_nobody_there_is_offline(changes: Changes) -> None:
    """The error names the order, its degraded mode, and when to come again."""
    with pytest.raises(MeshError) as caught:
        decided(Outlook(away=EVERYBODY, back_after_s=12.5), **changes)

    assert (caught.value.kind, caught.value.reason) == (Kind.UNAVAILABLE, "PROVIDERS_UNAVAILABLE")
    assert caught.value.metadata["degraded_mode"] == "OFFLINE"
    assert caught.value.metadata["order"] == ("openai" if changes else "local,openai,anthropic")
    assert caught.value.retry_after_s == 12.5


@pytest.mark.spec("RTR-17")
def test_asking_anyway_is_a_posture_that_must_be_set() -> None:
    """Where it is set, everybody is asked as if all were there; where one is there, only that one."""
    anyway = replace(POLICY, ask_when_all_away=True)
    assert decided(Outlook(away=EVERYBODY), anyway).order == ("local", "openai", "anthropic")
    assert decided(Outlook(away=EVERYBODY - {"openai"}), anyway).order == ("openai",)


@pytest.mark.spec("RTR-23")
def test_only_models_that_keep_to_a_schema_are_asked_for_one() -> None:
    """The others are left out by name, and the plan carries the schema."""
    made = decided(json_schema=SCHEMA)
    assert names(made) == ["local-tiny", "openai-mini"]
    assert made.json_schema == SCHEMA
    assert "anthropic-haiku cannot do json_schema" in made.explanation


@pytest.mark.spec("RTR-23")
def test_nobody_who_can_is_a_precondition() -> None:
    """The caller learns which capability is missing, and of whom."""
    with pytest.raises(MeshError) as caught:
        decided(None, replace(POLICY, providers=("anthropic",)), json_schema=SCHEMA)

    assert (caught.value.kind, caught.value.reason) == (Kind.PRECONDITION, "CAPABILITY_MISSING")
    assert caught.value.metadata == {
        "capability": "json_schema",
        "models": "anthropic-haiku,anthropic-sonnet,anthropic-opus",
    }


def test_a_capability_is_missed_before_anybody_is_missed() -> None:
    """That all who could are away may mend itself; that none can does not."""
    with pytest.raises(MeshError, match="CAPABILITY_MISSING"):
        decided(Outlook(away=EVERYBODY), replace(POLICY, providers=("anthropic",)), json_schema=SCHEMA)


def test_the_limit_in_the_refusal_is_that_of_the_roomiest() -> None:
    """A caller that shortens the request to it will be served."""
    with pytest.raises(MeshError) as caught:
        decided(None, replace(POLICY, providers=("local",)), context="word " * 1_700)
    assert (caught.value.reason, caught.value.metadata["limit"]) == ("PROMPT_TOO_LONG", "2048")


def test_the_roomiest_limit_is_told_where_several_are_too_small() -> None:
    """Not that of the first, and not that of the smallest."""
    roomy = replace(POLICY, limits=Limits(prompt_tokens=500_000, micro_usd=10**9))
    with pytest.raises(MeshError) as caught:
        decided(None, roomy, context="word " * 100_000)
    assert (caught.value.reason, caught.value.metadata["limit"]) == ("PROMPT_TOO_LONG", "100000")


@pytest.mark.spec("PRV-08", "RTR-16")
def test_a_limit_and_a_budget_may_be_used_up_to_the_last_micro_dollar() -> None:
    """What costs exactly as much is asked; one less is too little."""
    opus = replace(POLICY, providers=("anthropic",))
    price = claims_of(decided(None, opus, strategy="quality"), 10**9)[0].micro_usd
    for limits, outlook in (
        (Limits(micro_usd=price), Outlook()),
        (Limits(), Outlook(remaining_micro_usd=price)),
    ):
        within = replace(opus, limits=limits, near_cap_requests=1)
        assert names(decided(outlook, within, strategy="quality")) == ["anthropic-opus"]
    tight = replace(opus, limits=Limits(micro_usd=price - 1))
    assert names(decided(None, tight, strategy="quality")) == ["anthropic-sonnet"]


BAD: dict[str, tuple[Changes, str, str]] = {
    "unknown strategy": (
        {"strategy": "magic"},
        "FIELD_OUT_OF_RANGE",
        "adaptive, configured, cost, domain, quality, speed",
    ),
    "fewer than no tools": ({"tool_count": -1}, "FIELD_OUT_OF_RANGE", "0 to 1000"),
    "too many tools": ({"tool_count": 1_001}, "FIELD_OUT_OF_RANGE", "0 to 1000"),
    "no JSON": ({"json_schema": "{"}, "FIELD_MALFORMED", "no JSON"),
    "deeper than anybody reads": ({"json_schema": "[" * 9_999}, "FIELD_MALFORMED", "no JSON"),
    "no object": ({"json_schema": "[1]"}, "FIELD_MALFORMED", "must be a JSON object"),
    "no type of JSON": ({"json_schema": '{"type": "date"}'}, "FIELD_MALFORMED", "$.type breaks the rules"),
    "a type that is none": ({"json_schema": '{"type": {"a": 1}}'}, "FIELD_MALFORMED", "$.type breaks the rules"),
    "a long schema": ({"json_schema": " " * 10_001}, "FIELD_TOO_LONG", "at most 10000"),
    "a stream of votes": (
        {"streamed": True, "voting_rule": VotingRule.MAJORITY},
        "FIELD_OUT_OF_RANGE",
        "unset for a stream",
    ),
}


@pytest.mark.parametrize(("changes", "reason", "right"), BAD.values(), ids=BAD.keys())
def test_a_bad_request_is_told_what_would_be_right(changes: Changes, reason: str, right: str) -> None:
    """One reason, the field, and what would be right."""
    with pytest.raises(MeshError) as caught:
        decided(None, **changes)
    assert (caught.value.kind, caught.value.reason) == (Kind.INVALID, reason)
    assert right in caught.value.message
    assert caught.value.metadata["field"].startswith("routing.")
