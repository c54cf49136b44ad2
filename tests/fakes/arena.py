"""A field of work and a kind of task, as the requests about champions name them."""

from typing import TypedDict

from magistrate.common.v1.task_pb2 import Domain, TaskType


class Arena(TypedDict):
    """The two as keyword arguments of a request."""

    domain: "Domain.ValueType"
    task_type: "TaskType.ValueType"
