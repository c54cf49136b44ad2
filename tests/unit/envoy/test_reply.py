"""The proxy's own answers carry reasons of the contract, in the form that gRPC clients decode."""

import base64

import pytest
from google.rpc import error_details_pb2, status_pb2

from magistrate.common.v1 import error_pb2
from tools.envoy.reply import ERROR_DOMAIN, REPLIES, Reply, local_replies


@pytest.mark.parametrize("reply", REPLIES, ids=lambda reply: reply.text)
def test_each_reason_is_of_the_contract(reply: Reply) -> None:
    """No proxy invents a reason that a client cannot look up."""
    assert f"ERROR_REASON_{reply.reason}" in dict(error_pb2.ErrorReason.items())


def test_details_decode_to_the_same_status_and_reason() -> None:
    """Header, status and text say the same thing."""
    for reply, mapper in zip(REPLIES, local_replies()["mappers"], strict=True):
        headers = {each["header"]["key"]: each["header"]["value"] for each in mapper["headers_to_add"]}
        encoded = headers["grpc-status-details-bin"]
        status = status_pb2.Status.FromString(base64.b64decode(encoded + "=" * (-len(encoded) % 4)))
        info = error_details_pb2.ErrorInfo()

        assert status.details[0].Unpack(info)
        assert (info.reason, info.domain) == (reply.reason, ERROR_DOMAIN)
        assert str(status.code) == headers["grpc-status"]
        assert status.message == reply.text == mapper["body"]["inline_string"]
