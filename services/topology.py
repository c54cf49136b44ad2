"""The single truth about the mesh: who exists, who may call what, for how long, and which people may ask from outside.

Pure data. The Envoy configuration, the local stack, the access rules of the edge, compose, Helm and the tests derive
from this page or are checked against it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

TRUST_DOMAIN = "magistrate.local"
NAMESPACE = "magistrate"
EDGE = "edge"
"""The identity of the edge proxy: the one door for callers from outside."""
MAX_PROVIDERS = 5
"""Every ordered list of providers gets its own Envoy cluster: five make 325 of them, six would make 1956."""


class Role(StrEnum):
    """What a person or a program outside the mesh may be (spec row EDG-03)."""

    ADMIN = "admin"
    OPERATOR = "operator"
    REVIEWER = "reviewer"
    USER = "user"


EVERYONE = (Role.ADMIN, Role.OPERATOR, Role.REVIEWER, Role.USER)
STAFF = (Role.ADMIN, Role.OPERATOR, Role.REVIEWER)
OPERATORS = (Role.ADMIN, Role.OPERATOR)
REVIEWERS = (Role.ADMIN, Role.REVIEWER)
ADMINS = (Role.ADMIN,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rpc:
    """One method: the services that may call it, the outside roles that may ask for it, its deadlines in seconds."""

    method: str
    callers: tuple[str, ...] = ()
    roles: tuple[Role, ...] = ()
    default_s: float = 5.0
    cap_s: float = 10.0

    @property
    def allowed(self) -> tuple[str, ...]:
        """Return every mesh identity that may call: the callers, and the edge where some role may ask."""
        return (*self.callers, EDGE) if self.roles else self.callers


@dataclass(frozen=True, slots=True, kw_only=True)
class RpcService:
    """One gRPC service of the contract, by its full name."""

    name: str
    rpcs: tuple[Rpc, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One process of the mesh."""

    name: str
    """Identity, socket name and Envoy cluster name."""
    room: str
    """The package below ``services`` whose ``main`` runs it."""
    port: int
    """The port of its mTLS ingress listener where every service has a host of its own (Kubernetes, compose)."""
    rpc_services: tuple[RpcService, ...]
    vendor: str = ""
    """For a provider adapter: the vendor it speaks to."""
    has_schema: bool = False
    """Whether it owns a PostgreSQL schema and a database role, both named like itself."""

    @property
    def spiffe_id(self) -> str:
        """Return the URI that its certificate carries."""
        return spiffe_id(self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """One process that works beside a service, in its room: no service calls it, so Envoy does not know it."""

    name: str
    """Name of the process and of its socket, where it answers for its health and nothing else."""
    beside: str
    """The service to whose room it belongs."""
    package: str
    """The package below ``services`` whose ``main`` runs it."""
    has_role: bool = False
    """Whether it enters the schema of its service, under a PostgreSQL role of its own that is named like itself."""
    optional: bool = False
    """Whether it starts only where it is asked for."""


def spiffe_id(name: str) -> str:
    """Return the SPIFFE id of the mesh identity ``name``."""
    return f"spiffe://{TRUST_DOMAIN}/ns/{NAMESPACE}/sa/{name}"


_ENGINE = (
    RpcService(
        name="magistrate.engine.v1.EngineService",
        rpcs=(
            Rpc(method="Decide", roles=EVERYONE, default_s=30, cap_s=60),
            Rpc(method="DecideStream", roles=EVERYONE, default_s=30, cap_s=60),
            Rpc(method="GetDecision", roles=EVERYONE),
            Rpc(method="ListDecisions", roles=EVERYONE),
            Rpc(method="ExecuteDecision", roles=OPERATORS, default_s=30, cap_s=60),
        ),
    ),
    RpcService(
        name="magistrate.engine.v1.ErasureService",
        rpcs=(
            Rpc(method="EraseSubject", roles=ADMINS, default_s=30, cap_s=60),
            Rpc(method="GetErasure", roles=ADMINS),
        ),
    ),
    RpcService(
        name="magistrate.engine.v1.ReplayService",
        rpcs=(
            Rpc(method="ReplayDecision", roles=STAFF, default_s=30, cap_s=60),
            Rpc(method="Readjudicate", roles=OPERATORS, default_s=600, cap_s=3600),
        ),
    ),
    RpcService(
        name="magistrate.engine.v1.RunService",
        rpcs=(
            Rpc(method="CreateRun", roles=EVERYONE),
            Rpc(method="GetRun", roles=EVERYONE),
            Rpc(method="ListRuns", roles=EVERYONE),
            Rpc(method="WatchRun", roles=EVERYONE, default_s=300, cap_s=3600),
            Rpc(method="CancelRun", roles=EVERYONE),
            Rpc(method="RestartRun", roles=EVERYONE),
        ),
    ),
    RpcService(
        name="magistrate.engine.v1.ToolService",
        rpcs=(Rpc(method="ListTools", roles=EVERYONE), Rpc(method="GetTool", roles=EVERYONE)),
    ),
)

_CONTEXT = (
    RpcService(
        name="magistrate.context.v1.ContextService",
        rpcs=(
            Rpc(method="BuildContext", callers=("engine",)),
            Rpc(method="Search", callers=("engine",), roles=EVERYONE),
            Rpc(method="IngestDocuments", roles=OPERATORS, default_s=60, cap_s=300),
            Rpc(method="GetPack", callers=("engine",), roles=EVERYONE),
            Rpc(method="ListPacks", callers=("engine",), roles=EVERYONE),
            Rpc(method="InvalidatePack", roles=OPERATORS),
            Rpc(method="SubmitFeedback", callers=("engine",)),
        ),
    ),
    RpcService(
        name="magistrate.context.v1.EmbeddingService",
        rpcs=(Rpc(method="Embed", callers=("router", "critic", "evaluator")),),
    ),
)

_ROUTER = (
    RpcService(
        name="magistrate.router.v1.RouterService",
        rpcs=(
            Rpc(method="Generate", callers=("engine", "critic", "evaluator"), default_s=60, cap_s=60),
            Rpc(method="GenerateStream", callers=("engine",), default_s=60, cap_s=60),
            Rpc(method="PlanRoute", callers=("engine",), roles=EVERYONE),
            Rpc(method="ListModels", callers=("engine",), roles=EVERYONE),
            Rpc(method="GetChampion", callers=("engine",), roles=EVERYONE),
            Rpc(method="PromoteModel", roles=ADMINS),
            Rpc(method="DemoteModel", roles=ADMINS),
            Rpc(method="ReportScore", callers=("engine",)),
            Rpc(method="GetCostSummary", callers=("engine",), roles=EVERYONE),
            Rpc(method="InvalidateCache", roles=OPERATORS),
            Rpc(method="ForgetSubject", callers=("engine",), default_s=10, cap_s=30),
            Rpc(method="GetCacheStats", roles=OPERATORS),
        ),
    ),
)

_PROVIDER = (
    RpcService(
        name="magistrate.provider.v1.ProviderService",
        rpcs=(
            Rpc(method="Generate", callers=("router",), default_s=60, cap_s=60),
            Rpc(method="GenerateStream", callers=("router",), default_s=60, cap_s=60),
            Rpc(method="CountTokens", callers=("router",)),
            Rpc(method="GetInfo", callers=("router",)),
            Rpc(method="GetAttempts", callers=("router",), default_s=1, cap_s=5),
            Rpc(method="GenerateBatch", callers=("router",), default_s=60, cap_s=60),
        ),
    ),
)

_CRITIC = (
    RpcService(
        name="magistrate.critic.v1.CriticService",
        rpcs=(
            Rpc(method="Screen", callers=("engine",)),
            Rpc(method="Review", callers=("engine",), default_s=10, cap_s=30),
            Rpc(method="ListCritics", callers=("engine",), roles=EVERYONE),
            Rpc(method="ListClauses", callers=("engine", "evaluator"), roles=EVERYONE),
        ),
    ),
)

_EVALUATOR = (
    RpcService(
        name="magistrate.evaluator.v1.EvaluatorService",
        rpcs=(
            Rpc(method="Score", callers=("engine",), default_s=30, cap_s=30),
            Rpc(method="Adjudicate", callers=("engine",)),
            Rpc(method="Readjudicate", callers=("engine",)),
            Rpc(method="JudgePlan", callers=("engine",), default_s=30, cap_s=30),
            Rpc(method="Calibrate", roles=ADMINS, default_s=60, cap_s=600),
        ),
    ),
    RpcService(
        name="magistrate.evaluator.v1.ReviewService",
        rpcs=(
            Rpc(method="ListReviews", callers=("engine",), roles=REVIEWERS),
            Rpc(method="GetReview", callers=("engine",), roles=REVIEWERS),
            Rpc(method="SubmitReview", roles=REVIEWERS),
            Rpc(method="EraseReviews", callers=("engine",)),
        ),
    ),
    RpcService(
        name="magistrate.evaluator.v1.PrecedentService",
        rpcs=(
            Rpc(method="SearchPrecedents", callers=("engine",), roles=STAFF),
            Rpc(method="GetPrecedent", callers=("engine",), roles=STAFF),
            Rpc(method="PublishPrecedent", roles=REVIEWERS),
            Rpc(method="ListPrecedents", callers=("engine",), roles=STAFF),
        ),
    ),
)

VENDORS = ("local", "ollama", "anthropic", "openai")
"""The vendors that have an adapter, in the default order of preference (spec row RTR-02)."""

_PROVIDERS = tuple(f"provider-{vendor}" for vendor in VENDORS)
_PRODUCERS = ("engine", "router", "evaluator", "gate", "context", "critic")

_RECORDER = (
    RpcService(
        name="magistrate.recorder.v1.RecorderService",
        rpcs=(
            Rpc(method="Append", callers=(*_PRODUCERS, *_PROVIDERS)),
            Rpc(method="AppendStream", callers=_PRODUCERS, default_s=3600, cap_s=86400),
            Rpc(method="GetRecord", callers=("engine", "evaluator"), roles=EVERYONE),
            Rpc(method="ListRecords", callers=("engine", "evaluator"), roles=EVERYONE),
            Rpc(method="GetInclusionProof", callers=("engine",), roles=EVERYONE),
            Rpc(method="BatchGetInclusionProofs", roles=EVERYONE),
            Rpc(method="GetConsistencyProof", callers=("engine",), roles=EVERYONE),
            Rpc(method="GetCheckpoint", callers=("engine",), roles=EVERYONE),
            Rpc(method="Export", roles=OPERATORS, default_s=60, cap_s=600),
            Rpc(method="EraseSubject", callers=("engine",), default_s=30, cap_s=60),
            Rpc(method="RotateTenantKey", roles=ADMINS, default_s=60, cap_s=600),
        ),
    ),
)

_GATE = (
    RpcService(
        name="envoy.service.auth.v3.Authorization",
        rpcs=(Rpc(method="Check", callers=(EDGE,), default_s=0.5, cap_s=1),),
    ),
    RpcService(
        name="envoy.service.ratelimit.v3.RateLimitService",
        rpcs=(Rpc(method="ShouldRateLimit", callers=(EDGE,), default_s=0.5, cap_s=1),),
    ),
)

SERVICES: tuple[Service, ...] = (
    Service(name="recorder", room="recorder", port=7001, rpc_services=_RECORDER, has_schema=True),
    Service(name="context", room="context", port=7002, rpc_services=_CONTEXT, has_schema=True),
    *(
        Service(name=name, room="provider", port=7010 + n, rpc_services=_PROVIDER, vendor=VENDORS[n])
        for n, name in enumerate(_PROVIDERS)
    ),
    Service(name="router", room="router", port=7003, rpc_services=_ROUTER, has_schema=True),
    Service(name="critic", room="critic", port=7004, rpc_services=_CRITIC),
    Service(name="evaluator", room="evaluator", port=7005, rpc_services=_EVALUATOR, has_schema=True),
    Service(name="engine", room="engine", port=7006, rpc_services=_ENGINE, has_schema=True),
    Service(name="gate", room="gate", port=7007, rpc_services=_GATE, has_schema=True),
)
"""Every process, callees before callers: the order in which the local stack starts them."""

BY_NAME: Mapping[str, Service] = {service.name: service for service in SERVICES}

COMPANIONS: tuple[Companion, ...] = (
    Companion(name="publisher", beside="recorder", package="recorder.publisher", has_role=True),
    Companion(name="tiles", beside="recorder", package="recorder.tiles", has_role=True),
    Companion(name="witness", beside="recorder", package="recorder.witness", optional=True),
)
"""Every process beside the services; each starts when the service that it belongs to is ready."""

PACKAGES: Mapping[str, str] = {
    **{service.name: service.room for service in SERVICES},
    **{companion.name: companion.package for companion in COMPANIONS},
}
"""The package below ``services`` whose ``main`` runs the process of this name."""


def callees(caller: str) -> tuple[Service, ...]:
    """Return the services of which ``caller`` may call at least one method, in start order."""
    return tuple(s for s in SERVICES if any(caller in rpc.allowed for _, rpc in methods(s)))


def methods(service: Service) -> Iterator[tuple[RpcService, Rpc]]:
    """Yield every method of ``service`` with the gRPC service it belongs to."""
    for rpc_service in service.rpc_services:
        for rpc in rpc_service.rpcs:
            yield rpc_service, rpc


def path(rpc_service: RpcService, rpc: Rpc) -> str:
    """Return the HTTP/2 path of a method, as Envoy and gRPC see it."""
    return f"/{rpc_service.name}/{rpc.method}"


def companions(service: str) -> tuple[Companion, ...]:
    """Return the processes beside ``service``."""
    return tuple(companion for companion in COMPANIONS if companion.beside == service)


def roles_of(service: str) -> tuple[str, ...]:
    """Return the PostgreSQL roles that enter the schema of ``service``: its own, and those of its companions."""
    return (service, *(companion.name for companion in companions(service) if companion.has_role))
