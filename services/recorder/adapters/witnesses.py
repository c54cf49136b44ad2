"""Witnesses over HTTP, by the protocol of C2SP tlog-witness."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from services.chassis.errors import unavailable
from services.recorder.core.policy import Policy
from services.recorder.core.witnessing import BAD_REQUEST, CONFLICT, RefusedError, Submission

AWAY_RETRY_S = 1.0
LARGEST_ANSWER = 64 * 1024
OK = 200


class HttpWitness:
    """One witness."""

    def __init__(self, name: str, client: httpx.AsyncClient) -> None:
        self.name, self._client = name, client

    async def add_checkpoint(self, submission: Submission) -> str:
        """Return what the witness answers to a submission: signature lines.

        Raises:
            RefusedError: it refuses, by the status of the protocol.
            WorldError: it does not answer.
        """
        try:
            reply = await self._client.post("add-checkpoint", content=submission.text().encode())
        except httpx.HTTPError as error:
            message = f"the witness {self.name} cannot be reached"
            raise unavailable("DEPENDENCY_UNAVAILABLE", message, AWAY_RETRY_S) from error
        if reply.status_code == OK and len(reply.content) <= LARGEST_ANSWER:
            return reply.text
        if BAD_REQUEST <= reply.status_code < 500:  # noqa: PLR2004 - from there on it is the witness's own trouble
            raise RefusedError(reply.status_code, f"the witness {self.name} refuses", _size(reply))
        raise unavailable("DEPENDENCY_UNAVAILABLE", f"the witness {self.name} is not well", AWAY_RETRY_S)


def _size(reply: httpx.Response) -> int | None:
    """Return the size that a conflict tells."""
    text = reply.text.strip()
    told = reply.status_code == CONFLICT and text.isascii() and text.isdecimal()
    return int(text) if told and len(text) < len(str(2**63)) else None


@asynccontextmanager
async def open_witnesses(policy: Policy, *, timeout_s: float) -> AsyncIterator[Mapping[str, HttpWitness]]:
    """Yield the witnesses of a policy that have an address, by their names in it."""
    async with AsyncExitStack() as stack:
        found = dict[str, HttpWitness]()
        for name, witness in policy.witnesses.items():
            if witness.url:
                client = httpx.AsyncClient(base_url=witness.url.rstrip("/") + "/", timeout=timeout_s, trust_env=False)
                found[name] = HttpWitness(name, await stack.enter_async_context(client))
        yield found
