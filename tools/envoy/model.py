"""The mesh as its proxies see it: values only, no Envoy vocabulary."""

from dataclasses import dataclass
from pathlib import Path

PROVIDERS_HEADER = "x-magistrate-providers"
"""The ordered vendors to try, joined by commas; only the router's proxy reads it."""
CALL_HEADER = "x-magistrate-call"
"""The id of a call at its providers: the tries, and the question what became of them, reach the same replica."""
PROVIDER_HEADER = "x-mesh-provider"
"""In a reply to the router: the vendor that gave the answer."""
NOT_PROCESSED_HEADER = "x-magistrate-not-processed"
"""In a refusal: no servicer saw the call, so that it may be repeated whatever it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipe:
    """A unix socket."""

    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Tcp:
    """A TCP endpoint; ``host`` may be a DNS name where it is a peer's."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """What a call gets that asks for no time, and the most that it can get, in seconds."""

    default_s: float
    cap_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One RPC, the mesh identities that may call it, and its time."""

    path: str
    callers: tuple[str, ...]
    deadline: Deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """The one way into a service: mutual TLS in front of its unix socket."""

    service: str
    listen: Tcp
    app: Pipe
    methods: tuple[Method, ...]
    slots: int | None = None
    """For a provider: how many calls it works on at once; one more is refused so that the next provider is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One callee as one caller reaches it: with the caller's certificate, trusting only the callee's identity."""

    cluster: str
    caller: str
    callee: str
    address: Tcp
    vendor: str = ""
    """For a provider: the name under which the router knows it."""
    in_order: bool = False
    """Whether it stands in provider orders: then it leaves them while it fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where one method goes."""

    method: Method
    cluster: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One ordered list of at least two vendors and the peers that stand for them."""

    vendors: tuple[str, ...]
    clusters: tuple[str, ...]

    @property
    def header(self) -> str:
        """Return the header value that asks for this order."""
        return ",".join(self.vendors)

    @property
    def cluster(self) -> str:
        """Return the name of the cluster that tries the peers in this order."""
        return f"order.{'+'.join(self.vendors)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """One vendor asked alone, by a header that names only it."""

    vendor: str
    cluster: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """How the router reaches providers: any order of the enabled ones, each hedged by the next."""

    prefix: str
    """Path prefix of the provider contract."""
    hedged: tuple[str, ...]
    """Paths that fall back; the other methods ask one vendor."""
    deadline: Deadline
    hedge_delay_s: float
    orders: tuple[Order, ...]
    directs: tuple[Direct, ...]
    methods: tuple[Method, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """The one way out of a service: a unix socket that knows where each allowed method lives."""

    service: str
    listen: Pipe
    routes: tuple[Route, ...]
    denied: tuple[str, ...]
    """Paths of the contract that this service may not call."""
    fallback: Fallback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """The one door for callers from outside."""

    listen: Tcp
    routes: tuple[Route, ...]
    denied: tuple[str, ...]
    gate: str
    """Cluster of the service that decides about entry."""
    health: str
    """Cluster that answers health checks from outside."""
    jwks: Path
    issuer: str
    audience: str
    require_client_certificate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Where certificates lie."""

    folder: Path
    """The folder of the PKI, with one folder per identity and ``sds``."""
    trust: str
    """The identity whose trusted authorities every listener and cluster of this process shares.

    Envoy spends an inotify instance per secret, of which a user usually has 128: one shared secret instead of one per
    identity halves what a process needs.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Everything that one Envoy process carries."""

    node: str
    admin: Pipe
    secrets: Secrets
    peers: tuple[Peer, ...]
    ingresses: tuple[Ingress, ...] = ()
    egresses: tuple[Egress, ...] = ()
    edge: Edge | None = None
