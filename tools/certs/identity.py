"""Mesh identities and the names that their certificates carry."""

from ipaddress import IPv4Address, IPv6Address

from cryptography import x509

from services import topology

OPERATOR = "operator"
"""The client identity of the command line: it enters through the edge and may call no service directly."""
DNS_SUFFIX = "magistrate"
"""Clients that check host names instead of SPIFFE ids find ``<name>.magistrate``."""


def every_identity() -> tuple[str, ...]:
    """Return each identity that needs a certificate: all services, the edge and the operator."""
    return (*(service.name for service in topology.SERVICES), topology.EDGE, OPERATOR)


def alternative_names(identity: str) -> x509.SubjectAlternativeName:
    """Return the SPIFFE id and host names of ``identity``; the edge also answers to the loopback names."""
    names: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier(topology.spiffe_id(identity)),
        x509.DNSName(f"{identity}.{DNS_SUFFIX}"),
    ]
    if identity == topology.EDGE:
        names += [
            x509.DNSName("localhost"),
            x509.IPAddress(IPv4Address("127.0.0.1")),
            x509.IPAddress(IPv6Address("::1")),
        ]
    return x509.SubjectAlternativeName(names)
