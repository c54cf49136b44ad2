"""The error model says whose fault a failure is and carries every part of it."""

import pickle

import pytest

from services.chassis import errors
from services.chassis.errors import CALLER_KINDS, CallerError, Kind, MeshError, Violation, WorldError


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_an_owner(kind: Kind) -> None:
    """Each kind is either the caller's to mend or the world's, never both."""
    expected = CallerError if kind in CALLER_KINDS else WorldError

    assert errors.of_kind(kind) is expected


def test_invalid_names_the_field_everywhere() -> None:
    """A rejected field is in the message for people, in the metadata for programs, and among the violations."""
    error = errors.invalid("top_k", "must be between 1 and 50", value=51)

    assert (error.kind, error.reason) == (Kind.INVALID, "FIELD_OUT_OF_RANGE")
    assert error.message == "top_k must be between 1 and 50"
    assert error.metadata == {"field": "top_k", "value": "51"}
    assert error.violations == (Violation(field="top_k", problem="must be between 1 and 50"),)


def test_invalid_shows_little_of_a_long_value() -> None:
    """A value is an example, not a copy: 64 characters are shown."""
    assert len(errors.invalid("query", "is too long", value="x" * 10_001).metadata["value"]) == 64


def test_not_found_names_what_is_missing() -> None:
    """The missing thing is in the metadata under its own name."""
    error = errors.not_found("PACK_NOT_FOUND", "pack_id", "handbook")

    assert (error.kind, error.metadata) == (Kind.NOT_FOUND, {"pack_id": "handbook"})


def test_metadata_cannot_be_changed_behind_the_error() -> None:
    """An error owns its metadata: later changes of the caller's mapping do not reach it."""
    given = {"limit": "5"}
    error = MeshError(Kind.EXHAUSTED, "QUEUE_FULL", "the queue is full", metadata=given)
    given["limit"] = "6"

    assert error.metadata == {"limit": "5"}


def test_an_error_survives_a_process_boundary() -> None:
    """Pickling keeps type and parts, so that worker processes raise what they mean."""
    error = errors.invalid("top_k", "must be positive", value=0)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert type(copy) is CallerError
    assert (copy.reason, copy.metadata, copy.violations) == (error.reason, error.metadata, error.violations)
