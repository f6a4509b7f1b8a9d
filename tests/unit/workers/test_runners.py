"""What replays asks no clock. Payloads are asked for no context where nothing takes one."""

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import SerializationContext, WithSerializationContext
from temporalio.worker import WorkflowInstance
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from services.security.codec import Codec
from tests.support.root import ROOT
from workers.runners import WrappingRunner, without_contexts

SANDBOX = SandboxedWorkflowRunner()


class _CodecByWorkflow(Codec, WithSerializationContext):
    def with_context(self, context: SerializationContext) -> "_CodecByWorkflow":
        return _CodecByWorkflow()


class _Asked(WorkflowInstance):
    """An instance of the SDK's that must not be asked for contexts."""

    def activate(self, act: Any) -> Any:
        return act

    def get_serialization_context(self, command_info: Any) -> Any:
        raise AssertionError("asked for a context")

    def get_external_store_context(self, command_info: Any) -> Any:
        raise AssertionError("asked for a store's context")

    def get_info(self) -> Any:
        return "info"

    def get_thread_id(self) -> int | None:
        return 7


class _Runner(SandboxedWorkflowRunner):
    def create_instance(self, det: Any) -> WorkflowInstance:
        return _Asked()


def test_an_instance_is_asked_for_no_context_where_none_of_the_converters_takes_one() -> None:
    instance = without_contexts(_Runner(), pydantic_data_converter).create_instance(None)  # type: ignore[arg-type]

    assert instance.get_serialization_context(None) is None
    assert instance.get_external_store_context(None).target is None
    assert instance.get_info() == "info"
    assert instance.get_thread_id() == 7
    assert instance.activate("an activation") == "an activation"  # type: ignore[arg-type, comparison-overlap]


def test_our_encryption_takes_no_context() -> None:
    encrypted = replace(pydantic_data_converter, payload_codec=Codec())
    assert isinstance(without_contexts(SANDBOX, encrypted), WrappingRunner)


def test_a_codec_that_takes_contexts_gets_them() -> None:
    by_workflow = replace(pydantic_data_converter, payload_codec=_CodecByWorkflow())
    assert without_contexts(SANDBOX, by_workflow) is SANDBOX


def test_what_replays_asks_no_clock() -> None:
    """`make check` sees to imports, but `datetime` itself is needed. A worker has no sandbox that would refuse this."""
    files = [path for folder in ("domain", "workflows") for path in (ROOT / folder).rglob("*.py")]
    assert len(files) > 100

    assert [(str(path), line) for path in files for line in clocks(path)] == []


CLOCKS = {("datetime", "now"), ("datetime", "utcnow"), ("datetime", "today"), ("date", "today")}


def clocks(path: Path) -> Iterator[int]:
    """The lines of a file that ask what time it is."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if (owner, name) in CLOCKS:
                yield node.lineno


def test_a_clock_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "asks.py"
    file.write_text("from datetime import UTC, datetime\n\nNOW = datetime.now(UTC)\n")

    assert list(clocks(file)) == [3]
