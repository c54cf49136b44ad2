"""The book of tries: what it tells is what happened, and it never grows without end."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.provider.core.book import Book, Outcome, Plan
from services.provider.core.completion import Delta, End, Finish, Message, Role, Usage

NOON = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
MESSAGES = (Message(role=Role.USER, text="x" * 40),)
END = End(model="m", finish=Finish.STOP, usage=Usage(prompt_tokens=9, completion_tokens=3, estimated=False))


def plan(call_id: str = "call") -> Plan:
    """Return a try of ten estimated tokens."""
    return Plan(call_id=call_id, model="m", messages=MESSAGES, key_fingerprint="0123abcd")


def at(seconds: float) -> datetime:
    """Return the time so many seconds after noon."""
    return NOON + timedelta(seconds=seconds)


@pytest.mark.spec("T18")
def test_a_cancelled_try_costs_its_prompt_and_what_it_had_written() -> None:
    """The loser of a race is billed for what ran: estimated, at least a token a piece."""
    book = Book(opened_at=NOON)
    attempt = book.begin(plan(), at(1), 101.0)
    for moment, text in ((101.5, "a"), (102.0, "b" * 39)):
        attempt.take(Delta(text=text), moment)
    attempt.end(Outcome.CANCELLED, 103.0)
    book.close(attempt)

    (told,) = book.recall("call", at(4)).ended
    assert (told.outcome, told.first_token_after_s, told.duration_s) == (Outcome.CANCELLED, 0.5, 2.0)
    assert told.usage == Usage(prompt_tokens=10, completion_tokens=10, estimated=True)
    assert told.key_fingerprint == "0123abcd"


def test_a_cancellation_after_the_whole_answer_changes_nothing() -> None:
    """The vendor had done, and counted, all of its work."""
    book = Book(opened_at=NOON)
    attempt = book.begin(plan(), NOON, 0.0)
    attempt.take(Delta(text="yes"), 1.0)
    attempt.take(END, 2.0)
    attempt.end(Outcome.CANCELLED, 3.0)

    assert (attempt.outcome, attempt.duration_s, attempt.usage) == (Outcome.WON, 2.0, END.usage)


def test_a_refused_try_costs_nothing() -> None:
    """A vendor that did no work is owed nothing."""
    attempt = Book(opened_at=NOON).begin(plan(), NOON, 0.0)
    attempt.end(Outcome.FAILED, 1.0, reason="PROVIDER_RATE_LIMITED", unpaid=True)

    assert attempt.usage == Usage(prompt_tokens=0, completion_tokens=0, estimated=False)
    assert attempt.reason == "PROVIDER_RATE_LIMITED"


def test_what_runs_is_told_apart_from_what_ended() -> None:
    """Two tries of one call are told in the order of their start; another call is not among them."""
    book = Book(opened_at=NOON)
    first, second, third = (book.begin(plan(), at(n), float(n)) for n in range(3))
    book.begin(plan("other"), NOON, 0.0)
    for attempt in (second, first):
        attempt.end(Outcome.FAILED, 5.0, reason="PROVIDER_UNAVAILABLE")
        book.close(attempt)

    memory = book.recall("call", at(5))
    assert memory.ended == (first, second)
    assert memory.running == 1
    assert third.outcome is None


def test_what_is_too_old_is_forgotten_and_the_book_says_since_when() -> None:
    """An answer of no tries is worth something only where the time of the call is remembered."""
    book = Book(opened_at=NOON, age=timedelta(seconds=60))
    for n in (1, 50):
        attempt = book.begin(plan(), at(n), float(n))
        attempt.end(Outcome.CANCELLED, float(n))
        book.close(attempt)

    assert len(book.recall("call", at(60)).ended) == 2
    assert book.recall("call", at(60)).since == NOON
    assert len(book.recall("call", at(70)).ended) == 1
    assert book.recall("call", at(70)).since == at(1)


@given(calls=st.lists(st.sampled_from("abc"), max_size=60))
def test_it_keeps_the_newest_and_no_more_than_it_may(calls: list[str]) -> None:
    """However calls interleave, the last ten tries are there and nothing else."""
    book = Book(opened_at=NOON, most=10)
    for n, call_id in enumerate(calls):
        attempt = book.begin(plan(call_id), at(n), float(n))
        attempt.end(Outcome.CANCELLED, float(n))
        book.close(attempt)

    now = at(len(calls))
    kept = {attempt.started for call_id in "abc" for attempt in book.recall(call_id, now).ended}
    assert kept == {float(n) for n in range(len(calls))[-10:]}
    assert book.recall("a", now).since == (at(len(calls) - 11) if len(calls) > 10 else NOON)
