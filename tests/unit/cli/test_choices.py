"""The words of the command line are the values of the contract, all of them."""

from enum import StrEnum

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from magistrate.common.v1.judgement_pb2 import Verdict
from magistrate.common.v1.task_pb2 import Domain, TaskType
from magistrate.recorder.v1.recorder_pb2 import RecordKind
from tools.cli.choices import DomainChoice, KindChoice, TaskChoice, VerdictChoice


@pytest.mark.parametrize(
    ("choice", "values", "prefix"),
    [
        (DomainChoice, Domain, "DOMAIN_"),
        (TaskChoice, TaskType, "TASK_TYPE_"),
        (KindChoice, RecordKind, "RECORD_KIND_"),
        (VerdictChoice, Verdict, "VERDICT_"),
    ],
    ids=["domain", "task", "kind", "verdict"],
)
def test_every_value_has_its_word(choice: type[StrEnum], values: EnumTypeWrapper, prefix: str) -> None:
    """What a table shows can be asked for."""
    named = {name.removeprefix(prefix) for name in values.keys()} - {"UNSPECIFIED"}  # noqa: SIM118 - it is no mapping

    assert {word.name for word in choice} == named
