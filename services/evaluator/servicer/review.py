"""ReviewService: what of it is part of this version."""

from dataclasses import dataclass
from typing import Any

import grpc

from magistrate.evaluator.v1 import evaluator_pb2 as pb
from magistrate.evaluator.v1 import evaluator_pb2_grpc
from services.chassis import call
from services.chassis.errors import invalid
from services.evaluator.ports import Reviews

MAX_ID_CHARS = 256
MAX_DECISIONS = 10_000
_Context = grpc.aio.ServicerContext[Any, Any]  # Any: gRPC's context is not generic over what we use of it


@dataclass(frozen=True, kw_only=True)
class ReviewServicer(evaluator_pb2_grpc.ReviewServiceServicer):
    """Implements magistrate.evaluator.v1.ReviewService."""

    reviews: Reviews

    async def EraseReviews(
        self,
        request: pb.EraseReviewsRequest,
        context: _Context,  # noqa: ARG002 - gRPC's signature
    ) -> pb.EraseReviewsResponse:
        """Blank a person's packets."""
        if not request.subject_id:
            raise invalid("subject_id", "must be given", reason="FIELD_REQUIRED")
        if len(request.subject_id) > MAX_ID_CHARS:
            problem, given = f"must have at most {MAX_ID_CHARS} characters", len(request.subject_id)
            raise invalid("subject_id", problem, reason="FIELD_TOO_LONG", value=given)
        if len(request.decision_ids) > MAX_DECISIONS:
            problem, given = f"must be at most {MAX_DECISIONS}", len(request.decision_ids)
            raise invalid("decision_ids", problem, reason="FIELD_TOO_LONG", value=given)
        count = await self.reviews.erase(call.tenant(), request.subject_id, list(request.decision_ids))
        return pb.EraseReviewsResponse(erased_count=count)
