"""The one list of RPCs that are part of the contract but whose logic comes later; it shrinks to empty.

The chassis answers them UNIMPLEMENTED with the reason NOT_YET_IMPLEMENTED and the note given here.
"""

from collections.abc import Mapping
from types import MappingProxyType

_RUNS = "durable runs are not part of this version"
_REVIEWS = "review packets are kept; deciding on them is not part of this version"
_PRECEDENTS = "the ledger of precedents is not part of this version; every case counts as novel"

PENDING: Mapping[str, str] = MappingProxyType(
    {
        "/magistrate.engine.v1.EngineService/ExecuteDecision": "acting on decisions is not part of this version",
        "/magistrate.engine.v1.RunService/CreateRun": _RUNS,
        "/magistrate.engine.v1.RunService/GetRun": _RUNS,
        "/magistrate.engine.v1.RunService/ListRuns": _RUNS,
        "/magistrate.engine.v1.RunService/WatchRun": _RUNS,
        "/magistrate.engine.v1.RunService/CancelRun": _RUNS,
        "/magistrate.engine.v1.RunService/RestartRun": _RUNS,
        "/magistrate.engine.v1.ToolService/ListTools": _RUNS,
        "/magistrate.engine.v1.ToolService/GetTool": _RUNS,
        "/magistrate.context.v1.ContextService/InvalidatePack": "packs are read anew each time; no cache to drop",
        "/magistrate.context.v1.ContextService/SubmitFeedback": "ranking by feedback is not part of this version",
        "/magistrate.evaluator.v1.EvaluatorService/JudgePlan": _RUNS,
        "/magistrate.evaluator.v1.EvaluatorService/Calibrate": "model judges are not part of this version",
        "/magistrate.evaluator.v1.ReviewService/ListReviews": _REVIEWS,
        "/magistrate.evaluator.v1.ReviewService/GetReview": _REVIEWS,
        "/magistrate.evaluator.v1.ReviewService/SubmitReview": _REVIEWS,
        "/magistrate.evaluator.v1.PrecedentService/SearchPrecedents": _PRECEDENTS,
        "/magistrate.evaluator.v1.PrecedentService/GetPrecedent": _PRECEDENTS,
        "/magistrate.evaluator.v1.PrecedentService/PublishPrecedent": _PRECEDENTS,
        "/magistrate.evaluator.v1.PrecedentService/ListPrecedents": _PRECEDENTS,
        "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit": "rate limits are not part of this version",
    }
)
"""Full method path (``/package.Service/Method``) to what has to exist first."""
