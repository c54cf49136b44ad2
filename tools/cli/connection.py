"""The way into a local stack: its edge, with the operator's certificate and token, as any client would come."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import grpc
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from tools.certs.identity import OPERATOR
from tools.up.control import serving
from tools.up.failures import StackError
from tools.up.options import Options

MESSAGE_LIMIT_BYTES = 16 * 1024 * 1024
"""The edge's own limit."""
_HINTS = {
    "TOKEN_EXPIRED": "the running supervisor renews the token; is it alive? `magistrate status`",
    "DEPENDENCY_UNAVAILABLE": "`magistrate status` shows which part is down",
    "GATE_UNAVAILABLE": "`magistrate status` shows which part is down",
    "PROVIDERS_UNAVAILABLE": "`magistrate status` shows whether the local model is up, `magistrate models` the others",
    "MODEL_NOT_FOUND": "`magistrate models` lists them",
    "PACK_NOT_FOUND": "`magistrate ingest FILE --pack ID` makes one",
    "LOG_NOT_FOUND": "a log begins with its first record: `magistrate decide`",
}
_LOST_HINTS = {
    grpc.StatusCode.DEADLINE_EXCEEDED: "`--timeout` allows more seconds",
    grpc.StatusCode.UNAVAILABLE: "the edge went away or cannot be reached: `magistrate status` shows what runs",
}
"""What helps where this side of the connection found the failure out by itself."""


class CallFailedError(StackError):
    """A call was refused or failed; the message carries the reason of the mesh."""


@contextmanager
def connection(state_dir: Path) -> Iterator[grpc.Channel]:
    """Yield a channel to the edge of the stack in ``state_dir``; errors become one sentence with the reason.

    Raises:
        StackError: No stack runs there.
        CallFailedError: A call inside the block failed.
    """
    folder = Options(state=state_dir).folder
    edge = serving(folder).edge
    home = folder.root / "certs" / OPERATOR
    tls = grpc.ssl_channel_credentials(
        root_certificates=(home / "ca.crt").read_bytes(),
        private_key=(home / "tls.key").read_bytes(),
        certificate_chain=(home / "tls.crt").read_bytes(),
    )
    token = grpc.access_token_call_credentials(folder.token.read_text().strip())
    # A proxy of the user's environment leads to the internet, not to this machine.
    ways = [("grpc.enable_http_proxy", 0), *(_limit(way) for way in ("send", "receive"))]
    with grpc.secure_channel(edge, grpc.composite_channel_credentials(tls, token), options=ways) as channel:
        try:
            yield channel
        except grpc.RpcError as error:
            raise explained(error) from error


def _limit(way: str) -> tuple[str, int]:
    return f"grpc.max_{way}_message_length", MESSAGE_LIMIT_BYTES


def explained(error: grpc.RpcError) -> CallFailedError:
    """Return what a failed call says: message, reason and every field that is wrong."""
    status = rpc_status.from_call(error)
    code = error.code()
    if status is None:
        late = code is grpc.StatusCode.DEADLINE_EXCEEDED
        problem = "there was no answer in time" if late else error.details()
        return CallFailedError(f"{problem} ({code.name})", hint=_LOST_HINTS.get(code, ""))
    reason, wrong, later = "", [], ""
    for detail in status.details:
        info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
        if detail.Unpack(info):
            reason = info.reason
        elif detail.Unpack(retry):
            later = _later(retry)
        elif detail.Unpack(bad):
            wrong = [f"{violation.field}: {violation.description}" for violation in bad.field_violations]
            said = all(violation.description in status.message for violation in bad.field_violations)
            wrong = [] if said else wrong
    hint = "; ".join(wrong) or _HINTS.get(reason, "") or later
    return CallFailedError(f"{status.message} ({code.name}, {reason})", hint=hint)


def _later(retry: error_details_pb2.RetryInfo) -> str:
    """Return when to come again, as the mesh says it: whole seconds, so that nobody comes too early."""
    return f"again in {timedelta(seconds=math.ceil(retry.retry_delay.ToTimedelta().total_seconds()))}"
