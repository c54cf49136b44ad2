"""The RPCs about caches."""

from dataclasses import dataclass

from magistrate.router.v1 import router_pb2 as pb
from services.chassis import call
from services.router.caching.epochs import Epochs
from services.router.caching.forgetting import Forgetting
from services.router.caching.ports import Statistics
from services.router.servicer import replies, requests


@dataclass(frozen=True, kw_only=True)
class CacheCalls:
    """Forgets answers, and tells how look-ups ended."""

    epochs: Epochs
    tally: Statistics
    forgetting: Forgetting

    async def invalidate(self, request: pb.InvalidateCacheRequest) -> pb.InvalidateCacheResponse:
        """Forget cached answers of the caller's tenant."""
        scope = requests.scope(request.domain, request.task_type)
        return pb.InvalidateCacheResponse(epoch=await self.epochs.invalidate(call.tenant(), scope))

    async def forget(self, request: pb.ForgetSubjectRequest) -> pb.ForgetSubjectResponse:
        """Forget a person of the caller's tenant."""
        count = await self.forgetting.forget(requests.person(request.subject_id))
        return pb.ForgetSubjectResponse(erased_count=count)

    def stats(self) -> pb.GetCacheStatsResponse:
        """Tell how this replica's look-ups ended."""
        return replies.cache_stats(self.tally.seen)
