"""The keys that we pay a vendor with: which one serves the next try, and which are set aside."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.chassis.breaker import Breaker, Permit, Rules, State, is_dependency_fault
from services.chassis.errors import MeshError
from services.provider.core import failures

_FINGERPRINT_CHARACTERS = 8
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True, slots=True)
class Key:
    """One key; whoever prints it prints no secret."""

    secret: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """Return the first characters of its SHA-256: enough to tell keys apart, of no use to anybody else."""
        return hashlib.sha256(self.secret.encode()).hexdigest()[:_FINGERPRINT_CHARACTERS] if self.secret else ""


NO_KEY = Key("")
"""What a vendor is asked with that asks for no key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms one call is made."""

    key: Key
    until: float | None = None
    """When the whole answer must be there, on the clock that only grows; None: as long as it keeps coming."""


def parse(text: str) -> tuple[Key, ...]:
    """Return the keys of a file: one a line, in any order; empty lines and lines that begin with # say nothing.

    Nor do lines that no HTTP header can carry; the mark that some editors put before a text is no part of a key.
    """
    lines = (line.strip() for line in text.removeprefix(_BYTE_ORDER_MARK).splitlines())
    return tuple(dict.fromkeys(Key(line) for line in lines if _may_be_key(line)))


def _may_be_key(line: str) -> bool:
    return bool(line) and not line.startswith("#") and line.isascii() and line.isprintable()


@dataclass(slots=True, kw_only=True, eq=False)
class Holder:
    """What is known of one key."""

    key: Key
    fingerprint: str
    breaker: Breaker
    aside_until: float = 0.0
    rejected: bool = False
    turn: int = 0
    """When it was last chosen."""

    def wait_s(self, now: float) -> float:
        """Return the seconds after which it may be tried; without end for a key that the vendor rejected."""
        return float("inf") if self.rejected else max(self.aside_until - now, self.breaker.retry_after_s(now), 0.0)


@dataclass(slots=True, kw_only=True, eq=False)
class Lease:
    """One key for one try, to be handed back with the outcome."""

    holder: Holder
    permit: Permit | None
    concluded: bool = False
    """Whether its breaker has heard the outcome."""

    @property
    def key(self) -> Key:
        """Return the key."""
        return self.holder.key


class KeyRing:
    """Chooses the key that rested longest among those that may be used (spec rows PRV-12 and PRV-17).

    Args:
        vendor: Whose keys these are.
        rules: When a key is left alone; None where the vendor is a machine of our own, whose failures say nothing
            about a key and are the proxy's to count.
    """

    def __init__(self, vendor: str, rules: Rules | None) -> None:
        self._vendor = vendor
        self._rules = rules
        self._holders: dict[Key, Holder] = {}
        self._turn = 0

    @property
    def holders(self) -> tuple[Holder, ...]:
        """Return what is known of every key."""
        return tuple(self._holders.values())

    def renew(self, keys: Iterable[Key]) -> None:
        """Take the keys of a file that has changed: new ones join, missing ones leave, rejected ones may try again."""
        self._holders = {key: self._holders.get(key) or self._holder(key) for key in keys}
        for holder in self._holders.values():
            holder.rejected = False

    def take(self, now: float) -> Lease:
        """Return the key for the next try.

        Raises:
            MeshError: PROVIDER_CREDENTIALS_REJECTED, PROVIDER_RATE_LIMITED or PROVIDER_UNAVAILABLE, with the seconds
                after which a key is free again, where none is.
        """
        for holder in sorted(self._holders.values(), key=lambda holder: holder.turn):
            if holder.wait_s(now) > 0:
                continue
            permit = holder.breaker.admit(now) if self._rules else None
            if permit or not self._rules:
                self._turn += 1
                holder.turn = self._turn
                return Lease(holder=holder, permit=permit)
        raise self._nothing(now)

    def has_other(self, tried: Iterable[Key], now: float) -> bool:
        """Return whether there is a key that was not ``tried`` and may be used."""
        spent = set(tried)
        return any(key not in spent and holder.wait_s(now) == 0 for key, holder in self._holders.items())

    def any_key(self) -> Key:
        """Return a key for a question that costs nothing; one that shows nothing where there is none."""
        good = (holder.key for holder in self._holders.values() if not holder.rejected)
        return next(good, next(iter(self._holders), NO_KEY))

    def failed(self, lease: Lease, error: MeshError, now: float) -> None:
        """Note a failure; a limit or a rejection sets the key aside."""
        if error.reason == "PROVIDER_CREDENTIALS_REJECTED":
            lease.holder.rejected = True
        if self._rules and error.reason == "PROVIDER_RATE_LIMITED" and error.retry_after_s is not None:
            lease.holder.aside_until = now + error.retry_after_s
        if lease.permit and is_dependency_fault(error):
            lease.holder.breaker.failed(lease.permit, now)
            lease.concluded = True

    def returned(self, lease: Lease, *, answered: bool) -> None:
        """Take a key back; a try that was taken back, or refused for its own sake, says nothing (trap T29)."""
        if lease.permit and not lease.concluded:
            conclude = lease.holder.breaker.succeeded if answered else lease.holder.breaker.ignored
            conclude(lease.permit)
            lease.concluded = True

    def _holder(self, key: Key) -> Holder:
        return Holder(key=key, fingerprint=key.fingerprint, breaker=Breaker(self._rules))

    def _nothing(self, now: float) -> MeshError:
        if not self._holders:
            return failures.keyless(self._vendor)
        usable = [holder for holder in self._holders.values() if not holder.rejected]
        if not usable:
            return failures.revoked(self._vendor)
        soonest = min(usable, key=lambda holder: holder.wait_s(now))
        if soonest.aside_until > now:
            return failures.exhausted(self._vendor, soonest.wait_s(now))
        # A probe of a half-open breaker under way leaves no wait that could be told.
        waits = soonest.wait_s(now) or (1.0 if soonest.breaker.state(now) is not State.CLOSED else 0.0)
        return failures.broken_circuit(self._vendor, waits)
