"""A certificate authority on EC P-256: values in, signed certificates out. It touches no file and no clock."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from services import topology

BACKDATE = timedelta(minutes=5)
"""Certificates start a little in the past, so that a peer whose clock is behind accepts them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One certificate and its private key, both PEM."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A root that signs leaves."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def new(cls, *, now: datetime, lifetime: timedelta) -> Self:
        """Make a self-signed root for the trust domain, valid for ``lifetime`` from ``now``."""
        key = ec.generate_private_key(ec.SECP256R1())
        # A serial in the name keeps two roots of one trust domain apart while both are trusted.
        serial = x509.random_serial_number()
        name = _name(f"{topology.TRUST_DOMAIN} {serial:x}"[:64])
        builder = _builder(subject=name, issuer=name, key=key, serial=serial, start=now - BACKDATE, end=now + lifetime)
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(_uri(f"spiffe://{topology.TRUST_DOMAIN}"), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate=certificate, key=key)

    @classmethod
    def load(cls, *, certificate: bytes, key: bytes) -> Self:
        """Read a root back from its two PEM files."""
        loaded = serialization.load_pem_private_key(key, password=None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise TypeError(f"the authority's key must be an EC key, not {type(loaded).__name__}")
        return cls(certificate=x509.load_pem_x509_certificate(certificate), key=loaded)

    def sign(self, names: x509.SubjectAlternativeName, *, start: datetime, end: datetime) -> Leaf:
        """Issue a leaf for both ends of a TLS connection that carries ``names``, valid from ``start`` to ``end``."""
        key = ec.generate_private_key(ec.SECP256R1())
        common_name = names.get_values_for_type(x509.DNSName)[0]
        certificate = (
            _builder(
                subject=_name(common_name),
                issuer=self.certificate.subject,
                key=key,
                serial=x509.random_serial_number(),
                start=start,
                end=end,
            )
            .add_extension(names, critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return Leaf(certificate=certificate_pem(certificate), key=key_pem(key))


def certificate_pem(certificate: x509.Certificate) -> bytes:
    """Return ``certificate`` as PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return ``key`` as unencrypted PKCS 8 PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _builder(
    *,
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    serial: int,
    start: datetime,
    end: datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _uri(uri: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
