"""The PKI of one state folder: create, rotate leaves, roll the authority over, all while Envoy serves."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from tools.certs.authority import BACKDATE, Authority, certificate_pem, key_pem
from tools.certs.identity import alternative_names, every_identity
from tools.certs.publish import publish
from tools.certs.sds import write_sds

LEAF_LIFETIME = timedelta(hours=1)
"""A stolen leaf is worth little; it is replaced at half of this age."""
AUTHORITY_LIFETIME = timedelta(days=90)
"""The root of a development mesh; a start later than half of this age makes a new one."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Pki:
    """Certificates of every mesh identity below ``<root>/certs``.

    ``certs/ca/{ca.crt,ca.key}`` is the authority, ``certs/<identity>/{tls.crt,tls.key,ca.crt}`` one identity, and
    ``certs/sds/<identity>_{leaf,ca}.yaml`` what Envoy reads. ``ca.crt`` is a bundle of two while the authority changes.
    All of it is readable by the owner only.
    """

    def __init__(self, root: Path, *, now: Callable[[], datetime] = _utc_now) -> None:
        self.certs = root / "certs"
        self._now = now

    def create(self) -> None:
        """Bring the folder into a usable state: an authority with time left and a fresh leaf for every identity.

        Safe to repeat at every start; a rollover that was interrupted is ended here, because nothing serves yet.
        """
        now = self._now()
        if not (self._ca / "ca.crt").exists() or now >= _half_life(self._authority().certificate):
            self._publish_authority(Authority.new(now=now, lifetime=AUTHORITY_LIFETIME))
        self._forget_previous()
        self.issue(every_identity())

    def issue(self, identities: Iterable[str], ttl: timedelta = LEAF_LIFETIME) -> None:
        """Publish a new leaf, valid for ``ttl``, and the trusted bundle for each of ``identities``."""
        authority, now = self._authority(), self._now()
        for identity in identities:
            leaf = authority.sign(alternative_names(identity), start=now - BACKDATE, end=now + ttl)
            self._publish(identity, certificate=leaf.certificate, key=leaf.key)

    def rotate(self) -> None:
        """Replace the leaf of every identity; connections stay, new ones use the new leaf."""
        self.issue(self._issued())

    def next_rotation(self) -> datetime:
        """Return when the first leaf passes half of its life (UTC); a time in the past means: rotate now."""
        return min(_half_life(_read(self.certs / identity / "tls.crt")) for identity in self._issued())

    def rollover(self, *, settle_s: float = 2.0, wait: Callable[[float], None] = time.sleep) -> None:
        """Replace the authority without losing a call, waiting ``settle_s`` seconds after each of the first two steps.

        Everyone first trusts both roots, then shows a leaf of the new one, then forgets the old one: at no moment can
        one side show what the other does not trust. The wait gives every Envoy time to read the files.
        """
        self.begin_rollover()
        wait(settle_s)
        self.rotate()
        wait(settle_s)
        self.finish_rollover()

    def begin_rollover(self) -> None:
        """Make the new authority and have everyone trust both, with leaves as they are."""
        previous = certificate_pem(self._authority().certificate)
        self._publish_authority(Authority.new(now=self._now(), lifetime=AUTHORITY_LIFETIME), previous=previous)
        self._publish_bundle()

    def finish_rollover(self) -> None:
        """Stop trusting the old authority. Every leaf must come from the new one by now."""
        self._forget_previous()
        self._publish_bundle()

    @property
    def _ca(self) -> Path:
        return self.certs / "ca"

    def _authority(self) -> Authority:
        return Authority.load(
            certificate=(self._ca / "ca.crt").read_bytes(),
            key=(self._ca / "ca.key").read_bytes(),
        )

    def _publish_authority(self, authority: Authority, *, previous: bytes = b"") -> None:
        files = {"ca.crt": certificate_pem(authority.certificate), "ca.key": key_pem(authority.key)}
        publish(self._ca, files | ({"previous.crt": previous} if previous else {}))

    def _forget_previous(self) -> None:
        if (self._ca / "previous.crt").exists():
            self._publish_authority(self._authority())

    def _bundle(self) -> bytes:
        previous = self._ca / "previous.crt"
        return (self._ca / "ca.crt").read_bytes() + (previous.read_bytes() if previous.exists() else b"")

    def _publish_bundle(self) -> None:
        for identity in self._issued():
            home = self.certs / identity
            self._publish(identity, certificate=(home / "tls.crt").read_bytes(), key=(home / "tls.key").read_bytes())

    def _publish(self, identity: str, *, certificate: bytes, key: bytes) -> None:
        trusted = self._bundle()
        publish(self.certs / identity, {"tls.crt": certificate, "tls.key": key, "ca.crt": trusted})
        write_sds(self.certs, identity, certificate=certificate, key=key, trusted=trusted)

    def _issued(self) -> tuple[str, ...]:
        return tuple(sorted(path.parent.name for path in self.certs.glob("*/tls.crt")))


def _read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _half_life(certificate: x509.Certificate) -> datetime:
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return start + (end - start) / 2
