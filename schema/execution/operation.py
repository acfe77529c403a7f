"""Validates, selects and runs an operation within its time limit, the same for every transport."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from inspect import isawaitable
from typing import cast

from graphql import ExecutionResult as GraphQLExecutionResult
from graphql import GraphQLError, OperationDefinitionNode
from graphql.execution import create_source_event_stream
from strawberry import Schema
from strawberry.types import ExecutionResult

from resolvers.errors import Throttled, TimedOut, Unavailable
from resolvers.preparation_cost import Preparation, preparation
from resolvers.request_record import current_request
from schema.errors.formatting import worded
from schema.execution.context import GraphContext
from schema.execution.document_cache import CachedDocument, DocumentCache, NoChoice
from schema.execution.engine import EventResult, FragmentExecutor, executing
from schema.execution.limits import LimitExceeded, Limits, excess_of_values
from schema.execution.prices import Variables
from schema.execution.reservations import REFUSED, Reservation, refuse, reserve, throttled
from schema.execution.strawberry_internals import (
    OperationType,
    PreExecutionError,
    optimized_is_awaitable,
    share_types,
)
from schema.projection.resolve import TEMPLATES, Templates, wrong_arguments
from schema.projection.selection import WrongDirective
from schema.transport.multipart import Uploads
from schema.transport.refused import RequestRefused


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation to be run: valid, and the one that is meant."""

    known: CachedDocument
    node: OperationDefinitionNode
    variables: Variables | None
    context: GraphContext
    # What its document and its statements cost because they are new.
    prepared: Preparation
    # Strawberry's name for what it is.
    type: OperationType

    @property
    def name(self) -> str | None:
        """Its name in the document."""
        return self.node.name.value if self.node.name else None


class DeskSchema(Schema):
    """Strawberry's schema, with a way of our own from a text to its result.

    Strawberry's own, with its extensions, costs more than the rest of a short read.
    """

    def __init__(self, types: Schema, limits: Limits, *, introspection: bool) -> None:
        """Take the types of a schema, which stay the same, and give them caches."""
        self._core = share_types(types, self)
        self._core.extensions[TEMPLATES] = Templates()
        self.documents = DocumentCache(self._core, limits, introspection=introspection)

    async def stream(
        self,
        query: str | None,
        variable_values: Variables | None = None,
        context_value: GraphContext | None = None,
        root_value: object = None,
        operation_name: str | None = None,
        operation_extensions: dict[str, object] | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
    ) -> AsyncGenerator[ExecutionResult, None]:
        """Return the results of an operation of any type, which any may be over a WebSocket."""
        assert context_value is not None
        found = await self.choose(query or "", variable_values, context_value, operation_name)
        return self.results(found, context_value.request_id)

    async def choose(
        self,
        text: str,
        variables: Variables | None,
        context: GraphContext,
        operation_name: str | None,
    ) -> Operation | PreExecutionError:
        """Return the operation that is meant, or why there is none."""
        prepared = Preparation()
        preparation.set(prepared)
        try:
            known = await self.documents.read(text, context.resolver_context)
        except Throttled as error:
            return throttled(error, REFUSED)
        errors = known.errors
        if not errors and (excess := excess_of_values(variables)) is not None:
            errors = [excess]
        if not errors:
            try:
                node = known.operation(operation_name)
                type_ = OperationType(node.operation.value)
                found = Operation(known, node, variables, context, prepared, type_)
                if (record := current_request.get()) is not None:
                    record.add_operation(found.name)
                return found
            except NoChoice as error:
                errors = [error]
        return await refuse(errors, context, prepared)

    async def run(
        self, operation: Operation, *, uploads: Uploads | None = None, answered: int = 0
    ) -> ExecutionResult:
        """Run a query or a mutation, which ends with ``TimedOut`` when its time is up.

        ``uploads`` are the files of its request, which are still to be received; ``answered`` is
        the size of the answers before in the same batch.
        """
        started = await self._start(operation)
        if isinstance(started, PreExecutionError):
            return started
        executor, reservation = started
        if operation.type is OperationType.MUTATION and (wrong := _wrong(executor)):
            extensions = reservation.refund(None, ()) if reservation else None
            wrong = self.documents.shown(wrong)
            return PreExecutionError(data=None, errors=wrong, extensions=extensions)
        executor.answered = answered
        if uploads is not None and operation.context.resolver_context.viewer:
            # Only for those who are logged in, and not in the time that the operation has.
            await uploads.receive()
        seconds = operation.context.resolver_context.services.operation_seconds
        executing.set(executor)
        try:
            async with asyncio.timeout(seconds):
                result = executor.execute_operation()
                # Nothing comes later: the schema has neither @defer nor @stream.
                done = cast(GraphQLExecutionResult, await result if isawaitable(result) else result)
        except TimeoutError:
            # Nothing is given back for work that took too long.
            extensions = reservation.shown(reservation.requested) if reservation else None
            return _late(operation, executor, TimedOut(seconds), extensions)
        extensions = reservation.refund(done.data, executor.finished) if reservation else None
        errors = self.documents.shown(done.errors) if done.errors else None
        return ExecutionResult(data=done.data, errors=errors, extensions=extensions)

    async def _start(
        self, operation: Operation
    ) -> tuple[FragmentExecutor, Reservation | None] | PreExecutionError:
        """Return what runs an operation, and the points that were drawn for it."""
        context, prepared = operation.context, operation.prepared
        executor = self._executor(operation)
        if isinstance(executor, list):
            return await refuse(self.documents.shown(executor), context, prepared)
        cost = self.documents.cost(operation.known, operation.node)
        variables = executor.variable_values.coerced
        most = self.documents.limits.cost
        try:
            reservation = await reserve(cost, operation.node, variables, context, prepared, most)
        except LimitExceeded as error:
            return await refuse([error.with_traceback(None)], context, prepared)
        except Throttled as error:
            return throttled(error, cost.of(variables).total, operation.node)
        if reservation is not None:
            executor.level = reservation.level
        return executor, reservation

    def _executor(self, operation: Operation) -> FragmentExecutor | list[GraphQLError]:
        """Return what runs an operation, or what is wrong with its variables."""
        built = FragmentExecutor.build(
            self._core,
            operation.known.document,
            context_value=operation.context,
            raw_variable_values=operation.variables,
            operation_name=operation.name,
            # It says bool for a TypeGuard.
            is_awaitable=optimized_is_awaitable,  # type: ignore[arg-type]
            hide_suggestions=self.documents.hides_names,
        )
        return cast(FragmentExecutor | list[GraphQLError], built)

    async def results(
        self,
        found: Operation | PreExecutionError,
        request_id: str,
        uploads: Uploads | None = None,
    ) -> AsyncGenerator[ExecutionResult, None]:
        """Yield the results of an operation of any type; transports show errors as they are."""
        if isinstance(found, PreExecutionError):
            yield _worded(found, request_id)
        elif found.type is OperationType.SUBSCRIPTION:
            results = self._follow(found)
            async with aclosing(results):
                async for result in results:
                    yield _worded(result, request_id)
        else:
            try:
                result = await self.run(found, uploads=uploads)
            except RequestRefused as refused:
                result = PreExecutionError(data=None, errors=[refused.error()])
            except Exception as error:
                failed = GraphQLError("", nodes=found.node, original_error=error)
                result = ExecutionResult(data=None, errors=[failed])
            yield _worded(result, request_id)

    async def _follow(self, operation: Operation) -> AsyncGenerator[ExecutionResult, None]:
        events = await self._events(operation)
        if isinstance(events, PreExecutionError):
            yield events
            return
        async with aclosing(events):
            # An error that ends a stream is its last result.
            try:
                async for event in events:
                    yield event
            except Exception as error:
                last = GraphQLError(str(error), nodes=operation.node, original_error=error)
                yield ExecutionResult(data=None, errors=[last])

    async def _events(
        self, operation: Operation
    ) -> AsyncGenerator[EventResult, None] | PreExecutionError:
        """Return the events of a subscription, which costs once, however many follow.

        Each has its whole answer, so nothing of it is executed, and its executor is not kept.
        """
        started = await self._start(operation)
        if isinstance(started, PreExecutionError):
            return started
        opened = create_source_event_stream(started[0])
        source = await opened if isawaitable(opened) else opened
        if isinstance(source, GraphQLExecutionResult):
            return PreExecutionError(data=None, errors=self.documents.shown(source.errors or []))
        return cast(AsyncGenerator[EventResult, None], source)


def _wrong(executor: FragmentExecutor) -> list[GraphQLError]:
    """Return what is wrong with any argument of any mutation, before the first one writes."""
    try:
        mutations = executor.mutations()
    except WrongDirective as found:
        return [found.error]
    return [error for info in mutations for error in wrong_arguments(info)]


def _late(
    operation: Operation,
    executor: FragmentExecutor,
    late: TimedOut,
    extensions: dict[str, object] | None,
) -> ExecutionResult:
    """Return what an operation answers whose time is up: what was written until then."""
    if operation.type is OperationType.MUTATION:
        data = executor.stopped(late)
        if data is not None:
            errors = executor.collected_errors.errors
            return ExecutionResult(data=data, errors=errors, extensions=extensions)
    error = GraphQLError(str(late), nodes=operation.node, original_error=late)
    return ExecutionResult(data=None, errors=[error], extensions=extensions)


def retry_reason(result: ExecutionResult) -> Throttled | Unavailable | None:
    """Return the error of a result that says how long to wait, the longest of several."""
    causes = [error.original_error for error in result.errors or ()]
    found = [one for one in causes if isinstance(one, Throttled | Unavailable)]
    return max(found, key=lambda one: one.seconds, default=None)


def _worded(result: ExecutionResult, request_id: str) -> ExecutionResult:
    """Replace a result's errors by what clients may see."""
    if result.errors:
        result = type(result)(
            data=result.data,
            errors=[worded(error, request_id) for error in result.errors],
            extensions=result.extensions,
        )
    return result
