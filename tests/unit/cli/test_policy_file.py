"""A policy to try out is read from a file, or refused in one sentence that says what a policy has."""

from pathlib import Path

import pytest

from tools.cli.policy_file import MAX_BYTES, read_policy
from tools.up.failures import StackError


@pytest.mark.parametrize(
    "text", ["reference: mine@1\nsevere_0_3: 2.25\n", '{"reference": "mine@1", "severe_0_3": 2.25}']
)
def test_yaml_and_json_are_read(text: str, tmp_path: Path) -> None:
    """Both spellings give the same policy; what is left out stays out."""
    (tmp_path / "policy").write_text(text)
    policy = read_policy(tmp_path / "policy")

    assert (policy.reference, policy.severe_0_3) == ("mine@1", 2.25)
    assert not policy.HasField("min_critics")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is no policy: it must be a mapping"),
        (b"- 1", "is no policy: it must be a mapping"),
        (b"reference: [", "is neither YAML nor JSON"),
        (b"reference: mine@1\n  severe_0_3: 2", "is neither YAML nor JSON (line 2, column 13)"),
        (b"caf\xe9", "is not a UTF-8 text"),
        (b"x" * (MAX_BYTES + 1), "so it is no policy"),
        (b"reference: mine@1\nseverity: 2", "is no policy: it has severity"),
        (b"severe_0_3: much", "is no policy: severe_0_3: Couldn't parse float: much"),
        (b"min_critics: [1]", "min_critics"),
    ],
    ids=["empty", "list", "broken", "indented", "latin", "huge", "unknown", "words", "nested"],
)
def test_what_is_no_policy_is_named(content: bytes, problem: str, tmp_path: Path) -> None:
    """One line with the file and what is wrong in it."""
    (tmp_path / "policy").write_bytes(content)
    with pytest.raises(StackError) as failure:
        read_policy(tmp_path / "policy")

    assert problem in failure.value.problem
    assert "\n" not in failure.value.problem


def test_a_policy_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A typing error is no traceback."""
    with pytest.raises(StackError, match="cannot be read: No such file"):
        read_policy(tmp_path / "policy")
