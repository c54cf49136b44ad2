"""What a call has cost: every try with what its adapter tells, and nothing guessed that somebody knows.

Where nobody knows any more, a try is UNKNOWN and booked at its whole claim: an upper bound never overspends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.router.core.account import Attempt, Outcome, Usage
from services.router.core.spend.reservation import Claim, Payer
from services.router.core.spend.testimony import Testimony, Told

STRIDE = 16
"""Tries are numbered by the place of their provider; a further try at the same one comes so much later."""
UNHEARD = frozenset({Outcome.WON, Outcome.CANCELLED})
"""Ends in an adapter's eyes that mean, for a try whose answer nobody got, that it was taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What is to be written about a call, all at once."""

    call_id: str
    payer: Payer
    attempts: tuple[Attempt, ...] = ()
    open: tuple[str, ...] = ()
    """Providers whose claim stays held, because their tries are not known yet; of the others it is released."""
    void: bool = False
    """Whether the call was never made, so that it does not count as a request either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """What a call that should be over still has set aside."""

    call_id: str
    payer: Payer
    claims: tuple[Claim, ...]
    started_at: datetime
    overdue: timedelta
    """Time since its call must have been over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of a call when it is reckoned up."""

    began: datetime
    testimonies: Mapping[str, Testimony]
    """By provider; one that could not be asked is missing."""
    won: Attempt | None = None
    """The try whose answer was used, as its reply tells."""
    started: int | None = None
    """Tries that the proxy started; None where nobody counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """How far a call is accounted for."""

    attempts: tuple[Attempt, ...] = ()
    """Known for good."""
    running: tuple[Claim, ...] = ()
    """Their adapter says that a try goes on."""
    silent: tuple[Claim, ...] = ()
    """Their adapter has seen no try, but one may still be on its way to it."""
    lost: tuple[Claim, ...] = ()
    """Their adapter cannot be asked now."""

    @property
    def open(self) -> tuple[Claim, ...]:
        """Return the claims that stay held, in the order of the tries."""
        return tuple(sorted((*self.running, *self.silent, *self.lost), key=_place))

    def without_silent(self) -> "Reckoning":
        """Return it with those at rest who have seen no try for a while: nobody had asked them."""
        return replace(self, silent=())

    def given_up(self, claims: Sequence[Claim], began: datetime) -> "Reckoning":
        """Return it with those of ``claims`` booked whole: nobody will be asked about them again."""
        unknown = tuple(unknown_try(claim, began) for claim in claims)
        return replace(
            self,
            attempts=_in_order((*self.attempts, *unknown)),
            running=tuple(claim for claim in self.running if claim not in claims),
            lost=tuple(claim for claim in self.lost if claim not in claims),
        )


def reckon(claims: Sequence[Claim], evidence: Evidence) -> Reckoning:
    """Return what ``evidence`` says about each claim."""
    attempts: list[Attempt] = []
    running: list[Claim] = []
    silent: list[Claim] = []
    untold: list[Claim] = []
    winner = evidence.won.model.provider if evidence.won else ""
    for claim in claims:
        heard = evidence.testimonies.get(claim.provider)
        if evidence.won and claim.provider == winner:
            attempts += _with_winner(claim, heard, evidence.won)
        elif heard and heard.running:
            running.append(claim)
        elif heard and heard.tries:
            attempts += _told(claim, heard.tries)
        elif heard and heard.covers(evidence.began):
            silent.append(claim)
        else:
            untold.append(claim)
    if evidence.started is not None:
        accounted = len({attempt.model.provider for attempt in attempts}) + len(running)
        missing = max(0, evidence.started - accounted)
        # Envoy goes through the order, so the first of those who cannot tell are the ones it asked.
        untold = untold[:missing]
        silent = silent if missing > len(untold) else []
    # An adapter that was started again since will never know; one that is away may.
    attempts += [unknown_try(claim, evidence.began) for claim in untold if claim.provider in evidence.testimonies]
    lost = tuple(claim for claim in untold if claim.provider not in evidence.testimonies)
    return Reckoning(attempts=_in_order(attempts), running=tuple(running), silent=tuple(silent), lost=lost)


def unknown_try(claim: Claim, began: datetime) -> Attempt:
    """Return the try of which nothing is known, at its whole claim."""
    usage = Usage(input_tokens=claim.input_tokens, output_tokens=claim.output_tokens, estimated=True)
    return Attempt(
        model=claim.model,
        outcome=Outcome.UNKNOWN,
        started_at=began,
        duration=timedelta(0),
        usage=usage,
        micro_usd=claim.micro_usd,
        number=claim.place,
    )


def _with_winner(claim: Claim, heard: Testimony | None, won: Attempt) -> list[Attempt]:
    """Return the tries at the winner's provider: those before, and the last one, whose answer was used."""
    tries = _told(claim, heard.tries) if heard else ()
    if heard and heard.tries and heard.tries[-1].outcome is Outcome.WON:
        *before, told = tries
        first = won.first_token_after or told.first_token_after
        return [*before, replace(told, outcome=Outcome.WON, first_token_after=first)]
    return [*tries, replace(won, number=claim.place + STRIDE * len(tries))]


def _told(claim: Claim, tries: Sequence[Told]) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(
            model=claim.model,
            outcome=Outcome.CANCELLED if told.outcome in UNHEARD else told.outcome,
            started_at=told.started_at,
            duration=told.duration,
            first_token_after=told.first_token_after,
            usage=told.usage,
            micro_usd=claim.model.price.of(
                input_tokens=told.usage.input_tokens, output_tokens=told.usage.output_tokens
            ),
            reason=told.reason,
            key_fingerprint=told.key_fingerprint,
            number=claim.place + STRIDE * nth,
        )
        for nth, told in enumerate(tries)
    )


def _place(claim: Claim) -> int:
    return claim.place


def _in_order(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Return the tries by number, the winner last."""
    return tuple(sorted(attempts, key=lambda attempt: (attempt.outcome is Outcome.WON, attempt.number)))
