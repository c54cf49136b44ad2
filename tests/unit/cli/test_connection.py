"""A refused call becomes one sentence that carries the mesh's reason."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import grpc
import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from magistrate.router.v1.router_pb2 import ListModelsRequest
from magistrate.router.v1.router_pb2_grpc import (
    RouterServiceServicer,
    RouterServiceStub,
    add_RouterServiceServicer_to_server,
)
from tools.cli.connection import connection, explained
from tools.up.failures import StackError


class Refusing(RouterServiceServicer):
    """Refuses every call with one status."""

    def __init__(self, status: status_pb2.Status | None) -> None:
        self._status = status

    def ListModels(self, request: ListModelsRequest, context: grpc.ServicerContext) -> NoReturn:  # noqa: N802
        """Refuse."""
        if self._status:
            context.abort_with_status(rpc_status.to_status(self._status))
        context.abort(grpc.StatusCode.UNAVAILABLE, "upstream connect error")


@contextmanager
def _refusal(folder: Path, status: status_pb2.Status | None) -> Iterator[grpc.RpcError]:
    address = f"unix:{folder / 's'}"
    server = grpc.server(ThreadPoolExecutor(1))
    add_RouterServiceServicer_to_server(Refusing(status), server)
    server.add_insecure_port(address)
    server.start()
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as failure:
        RouterServiceStub(channel).ListModels(ListModelsRequest(), timeout=30)
    yield failure.value
    server.stop(None).wait()


def _packed(message: Message) -> Any:
    packed = Any()
    packed.Pack(message)
    return packed


def test_a_refusal_names_reason_and_fields(tmp_path: Path) -> None:
    """Whoever typed a wrong value learns which and why."""
    violation = error_details_pb2.BadRequest.FieldViolation(field="question.query", description="must not be empty")
    details = [
        _packed(error_details_pb2.ErrorInfo(reason="FIELD_REQUIRED", domain="magistrate.dev")),
        _packed(error_details_pb2.BadRequest(field_violations=[violation])),
    ]
    status = status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message="the query is empty", details=details)
    with _refusal(tmp_path, status) as error:
        said = explained(error)

    assert said.problem == "the query is empty (INVALID_ARGUMENT, FIELD_REQUIRED)"
    assert said.hint == "question.query: must not be empty"


@pytest.mark.parametrize(
    ("field", "description", "message"),
    [
        ("question.query", "must not be empty", "question.query must not be empty"),
        ("verdict", "verdict and kind exclude each other", "verdict and kind exclude each other"),
    ],
)
def test_a_refusal_says_nothing_twice(field: str, description: str, message: str, tmp_path: Path) -> None:
    """A message that has the violation in it needs no second line."""
    violation = error_details_pb2.BadRequest.FieldViolation(field=field, description=description)
    details = [_packed(error_details_pb2.BadRequest(field_violations=[violation]))]
    status = status_pb2.Status(code=code_pb2.INVALID_ARGUMENT, message=message, details=details)
    with _refusal(tmp_path, status) as error:
        assert explained(error).hint == ""


def test_a_refusal_for_now_says_when_to_come_again(tmp_path: Path) -> None:
    """A budget that is used up comes back at midnight: whoever is refused need not guess."""
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(3 * 3_600_000 + 4_100)
    details = [_packed(error_details_pb2.ErrorInfo(reason="BUDGET_EXCEEDED")), _packed(retry)]
    status = status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message="nothing remains today", details=details)
    with _refusal(tmp_path, status) as error:
        assert explained(error).hint == "again in 3:00:05"


def test_a_failure_without_details_keeps_its_text(tmp_path: Path) -> None:
    """What a proxy that knows no reasons says is quoted, and where to look is named."""
    with _refusal(tmp_path, None) as error:
        said = explained(error)

    assert said.problem == "upstream connect error (UNAVAILABLE)"
    assert "`magistrate status`" in said.hint


def test_without_a_stack_there_is_no_connection(tmp_path: Path) -> None:
    """The first thing to do is named."""
    with pytest.raises(StackError, match="no stack runs in") as failure, connection(tmp_path):
        pass

    assert "`magistrate up`" in failure.value.hint
