"""Validates, selects and runs an operation within its time limit, the same for every transport."""

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

from resolvers.errors import Throttled, TimedOut
from resolvers.preparation_cost import Preparation, preparation
from resolvers.request_record import SpanBlock, current_request, span
from resolvers.time_limits import TimeLimit
from schema.execution.context import GraphContext
from schema.execution.document_cache import DocumentCache, KnownOperation, NoChoice
from schema.execution.engine import EventResult, FragmentExecutor, executing
from schema.execution.limits import LimitExceeded, Limits, excess_of_values
from schema.execution.outcomes import argument_errors, late_result, timed_out, worded_result
from schema.execution.prices import Variables
from schema.execution.reservations import REFUSED, Reservation, refuse, reserve, throttled
from schema.execution.single_field import SingleField
from schema.execution.strawberry_internals import (
    OperationType,
    PreExecutionError,
    optimized_is_awaitable,
    share_types,
)
from schema.projection.resolve import TEMPLATES, Templates
from schema.transport.multipart import Uploads
from schema.transport.refused import RequestRefused


@dataclass(slots=True)
class Operation:
    """One operation to be run: valid, and the one that is meant."""

    known: KnownOperation
    variables: Variables | None
    context: GraphContext
    # What its document and its statements cost because they are new.
    prepared: Preparation

    @property
    def node(self) -> OperationDefinitionNode:
        """Its place in the document."""
        return self.known.node

    @property
    def type(self) -> OperationType:
        """Strawberry's name for what it is."""
        return self.known.type

    def span(self) -> SpanBlock:
        """Return the block in which it runs, which is a span where its request is traced."""
        return span(self.known.type.value, self.known.about, operation=True)


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
                found = known.operation(operation_name)
                if (record := current_request.get()) is not None:
                    record.add_operation(found.name)
                return Operation(found, variables, context, prepared)
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
        with operation.span():
            single = operation.known.single
            if single is not None and uploads is None:
                return await self._run_single(operation, single, answered)
            return await self._run(operation, uploads, answered)

    async def _run(
        self, operation: Operation, uploads: Uploads | None, answered: int
    ) -> ExecutionResult:
        started = await self._start(operation)
        if isinstance(started, PreExecutionError):
            return started
        executor, reservation = started
        if operation.type is OperationType.MUTATION and (wrong := argument_errors(executor)):
            extensions = reservation.refund(None, ()) if reservation else None
            wrong = self.documents.shown(wrong)
            return PreExecutionError(data=None, errors=wrong, extensions=extensions)
        executor.answered = answered
        if uploads is not None and operation.context.resolver_context.viewer:
            # Only for those who are logged in, and not in the time that the operation has.
            await uploads.receive()
        services = operation.context.resolver_context.services
        seconds = services.operation_seconds
        executing.set(executor)
        try:
            with TimeLimit(services.operation_timer, seconds):
                result = executor.execute_operation()
                # Nothing comes later: the schema has neither @defer nor @stream.
                done = cast(GraphQLExecutionResult, await result if isawaitable(result) else result)
        except TimeoutError:
            # Nothing is given back for work that took too long.
            extensions = reservation.shown(reservation.requested) if reservation else None
            return late_result(
                operation.node, operation.type, executor, TimedOut(seconds), extensions
            )
        extensions = reservation.refund(done.data, executor.finished) if reservation else None
        errors = self.documents.shown(done.errors) if done.errors else None
        return ExecutionResult(data=done.data, errors=errors, extensions=extensions)

    async def _run_single(
        self, operation: Operation, single: SingleField, answered: int
    ) -> ExecutionResult:
        """Run a query of one field that answers with finished JSON."""
        context = operation.context
        given, hides_names = operation.variables or {}, self.documents.hides_names
        variables = operation.known.variables.read(given, hides_names=hides_names)
        if isinstance(variables, list):
            return await refuse(self.documents.shown(variables), context, operation.prepared)
        reservation = await self._reserve(operation, variables.coerced)
        if isinstance(reservation, PreExecutionError):
            return reservation
        services = context.resolver_context.services
        seconds, most = services.operation_seconds, services.max_answer_bytes - answered
        try:
            with TimeLimit(services.operation_timer, seconds):
                found = await single.resolve(context, variables, most)
        except TimeoutError:
            error = timed_out(operation.node, TimedOut(seconds))
            extensions = reservation.shown(reservation.requested) if reservation else None
            return ExecutionResult(data=None, errors=[error], extensions=extensions)
        extensions = reservation.refund(None, found.texts) if reservation else None
        errors = self.documents.shown([*found.errors]) if found.errors else None
        return ExecutionResult(data=found.data, errors=errors, extensions=extensions)

    async def _start(
        self, operation: Operation
    ) -> tuple[FragmentExecutor, Reservation | None] | PreExecutionError:
        """Return what runs an operation, and the points that were drawn for it."""
        context, prepared = operation.context, operation.prepared
        executor = self._executor(operation)
        if isinstance(executor, list):
            return await refuse(self.documents.shown(executor), context, prepared)
        reservation = await self._reserve(operation, executor.variable_values.coerced)
        if isinstance(reservation, PreExecutionError):
            return reservation
        if reservation is not None:
            executor.level = reservation.level
        return executor, reservation

    async def _reserve(
        self, operation: Operation, variables: Variables
    ) -> Reservation | PreExecutionError | None:
        """Draw the points of an operation, or return why it cannot run; None: nothing counts."""
        context, prepared = operation.context, operation.prepared
        cost = operation.known.cost
        most = self.documents.limits.cost
        try:
            return await reserve(cost, operation.node, variables, context, prepared, most)
        except LimitExceeded as error:
            return await refuse([error.with_traceback(None)], context, prepared)
        except Throttled as error:
            return throttled(error, cost.of(variables).total, operation.node)

    def _executor(self, operation: Operation) -> FragmentExecutor | list[GraphQLError]:
        """Return what runs an operation, or what is wrong with its variables."""
        built = FragmentExecutor.build(
            self._core,
            operation.known.document,
            context_value=operation.context,
            raw_variable_values=operation.variables,
            operation_name=operation.known.name,
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
            yield worded_result(found, request_id)
        elif found.type is OperationType.SUBSCRIPTION:
            results = self._follow(found)
            async with aclosing(results):
                async for result in results:
                    yield worded_result(result, request_id)
        else:
            try:
                result = await self.run(found, uploads=uploads)
            except RequestRefused as refused:
                result = PreExecutionError(data=None, errors=[refused.error()])
            except Exception as error:
                failed = GraphQLError("", nodes=found.node, original_error=error)
                result = ExecutionResult(data=None, errors=[failed])
            yield worded_result(result, request_id)

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
