"""Workflow runners around those of Temporal's SDK, whose instances do one thing in another way.

**No sandbox.** The SDK's sandbox loads the module of a workflow anew for each instance, hooks every import and keeps a
table of modules for each workflow in the cache: a third of what a workflow task costs, and more with each replay. All
that it could find in our workflows is kept out before: `make check` says what they may import, and
`tests/unit/workers/test_runners.py` that they ask no clock. They keep nothing outside of their instances. The tests of
`tests/workflow` play them in the sandbox all the same.

**No contexts of payloads.** For each payload that goes into a workflow or comes out of it, the SDK asks the instance
for whom it is, so that a converter, a codec or a store of large payloads may treat it accordingly. In the sandbox each
of these questions compiled and ran a piece of code, a quarter of a worker's processor time. Where nothing takes such a
context, `without_contexts` leaves the question out, and all payloads are as before.
"""

from collections.abc import Callable, Sequence
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import (
    DataConverter,
    SerializationContext,
    StorageDriverStoreContext,
    WorkflowSerializationContext,
)
from temporalio.worker import WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner


class WrappedInstance(WorkflowInstance):
    """A workflow instance that does what another does. Subclasses say what is different."""

    def __init__(self, inner: WorkflowInstance) -> None:
        self._inner = inner

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        return self._inner.activate(act)

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:
        return self._inner.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> Any:
        return self._inner.get_external_store_context(command_info)

    def get_info(self) -> Any:
        return self._inner.get_info()

    def get_thread_id(self) -> int | None:
        return self._inner.get_thread_id()


class WrappingRunner(WorkflowRunner):
    """A workflow runner whose instances are wrapped."""

    def __init__(self, inner: WorkflowRunner, wrap: Callable[[WorkflowInstance], WorkflowInstance]) -> None:
        self._inner = inner
        self._wrap = wrap

    def prepare_workflow(self, defn: Any) -> None:
        self._inner.prepare_workflow(defn)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return self._wrap(self._inner.create_instance(det))

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        self._inner.set_worker_level_failure_exception_types(types)


_ANY = WorkflowSerializationContext(namespace="any", workflow_id="any")


class _WithoutContexts(WrappedInstance):
    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:
        return None

    def get_external_store_context(self, command_info: Any) -> Any:
        return StorageDriverStoreContext(target=None)


def without_contexts(inner: WorkflowRunner, converter: DataConverter) -> WorkflowRunner:
    """Return a runner whose instances are asked for no context, or `inner` where a part of `converter` takes one."""
    takes_contexts = converter.with_context(_ANY) is not converter
    if takes_contexts or converter.external_storage is not None:
        return inner
    return WrappingRunner(inner, _WithoutContexts)
