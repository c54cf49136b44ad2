"""Who may enter."""

import itertools

import pytest

from services.chassis.errors import CallerError, Kind
from services.gate.core import HEALTH, Entry, admit
from services.gate.main import rules
from services.topology import SERVICES, Role, Rpc, methods, path

DECIDE = "/magistrate.engine.v1.EngineService/Decide"
EVERY_METHOD = [(path(s, rpc), rpc) for service in SERVICES for s, rpc in methods(service)]


def entry(
    method: str = DECIDE, *, tenant: str = "acme", subject: str = "jo", roles: tuple[str, ...] = ("user",)
) -> Entry:
    """Return an entry that is right unless told otherwise."""
    return Entry(path=method, tenant=tenant, subject=subject, roles=frozenset(roles))


@pytest.mark.spec("EDG-03")
@pytest.mark.parametrize(
    ("method", "rpc", "role"), [(m, rpc, role) for (m, rpc), role in itertools.product(EVERY_METHOD, Role)]
)
def test_the_matrix_of_roles_and_methods(method: str, rpc: Rpc, role: Role) -> None:
    """Each role may call exactly the methods that the topology opens to it, of all methods of the mesh."""
    allowed = role in rpc.roles
    try:
        admit(entry(method, roles=(role.value,)), rules())
        admitted = True
    except CallerError as error:
        admitted = False
        assert error.reason in {"ROLE_NOT_ALLOWED", "METHOD_UNKNOWN"}  # noqa: PT017 - both outcomes are checked

    assert admitted is allowed


@pytest.mark.parametrize(
    ("wrong", "kind", "reason"),
    [
        (entry(roles=()), Kind.DENIED, "ROLE_NOT_ALLOWED"),
        (entry(roles=("root", "Admin")), Kind.DENIED, "ROLE_NOT_ALLOWED"),
        (entry(tenant=""), Kind.UNAUTHENTICATED, "TOKEN_INVALID"),
        (entry(tenant="Acme Corp"), Kind.UNAUTHENTICATED, "TOKEN_INVALID"),
        (entry(subject=""), Kind.UNAUTHENTICATED, "TOKEN_INVALID"),
        (entry("/magistrate.engine.v1.EngineService/Nothing"), Kind.UNIMPLEMENTED, "METHOD_UNKNOWN"),
        (entry(DECIDE + "/"), Kind.UNIMPLEMENTED, "METHOD_UNKNOWN"),
        (entry(""), Kind.UNIMPLEMENTED, "METHOD_UNKNOWN"),
    ],
)
def test_refusals(wrong: Entry, kind: Kind, reason: str) -> None:
    """Whatever is not plainly allowed is refused with its reason."""
    with pytest.raises(CallerError) as refused:
        admit(wrong, rules())

    assert (refused.value.kind, refused.value.reason) == (kind, reason)


def test_health_is_open_to_every_token() -> None:
    """A token without any role may ask whether the mesh is up."""
    admit(entry(HEALTH, roles=()), rules())
