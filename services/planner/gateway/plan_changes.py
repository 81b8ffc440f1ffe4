"""Requests that change plans -> commands -> their answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from planner.domain.definition import define
from planner.domain.errors import DefinitionInvalidError
from planner.domain.recurrence.business_days import Calendars
from planner.gateway import etags, idempotency, preferences
from planner.gateway.caller import Caller, Visible, is_organization_id
from planner.gateway.command_publisher import PlanCommand
from planner.gateway.holiday_lists import list_named, perhaps_there
from planner.gateway.outcomes import Rejection
from planner.gateway.pause_requests import pause_content, resume_content
from planner.gateway.plan_patch import refuse_patch
from planner.gateway.problems import ProblemError, invalid_definition, invalid_field, rejection_error
from planner.gateway.request_scope import trace_of
from planner.gateway.resources import API, command_shown, created_plan, plan_answer
from planner.gateway.run_queries import RunQueries, StoredCommand, StoredPlan
from planner.gateway.submission import Carried, Late, Submission
from planner.runtime.clock import Clock, IdSource
from planner.runtime.failures import UnavailableError
from planner_contracts.errors import ErrorCode
from planner_contracts.ids import is_uuid, plan_id
from planner_contracts.plan import PlanStatus
from planner_contracts.plan_command import CommandType

_CREATED: Final = 201
_FINAL: Final = {PlanStatus.COMPLETED: ErrorCode.PLAN_COMPLETED, PlanStatus.CANCELLED: ErrorCode.PLAN_CANCELLED}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that becomes a command. `organization_id`: the one named beside the body. `key`: its idempotency key."""

    request: Request
    caller: Caller
    organization_id: str | None
    key: str | None
    wait: preferences.Wait


class PlanChanges:
    """Makes, changes, pauses, resumes and cancels plans."""

    def __init__(self, submission: Submission, queries: RunQueries, *, clock: Clock, ids: IdSource, wait_most_s: float) -> None:
        self._submission = submission
        self._queries = queries
        self._clock = clock
        self._ids = ids
        self._wait_most_s = wait_most_s

    def asked(self, request: Request, caller: Caller, organization_id: str | None) -> Asked:
        """The request, its headers read. Raises ProblemError, INVALID_IDEMPOTENCY_KEY."""
        return Asked(
            request=request,
            caller=caller,
            organization_id=organization_id,
            key=idempotency.parse_key(request.headers.getlist(idempotency.HEADER)),
            wait=preferences.parse_wait(request.headers.getlist(preferences.HEADER), most_s=self._wait_most_s),
        )

    async def create(self, asked: Asked, given: Mapping[str, Any]) -> Response:
        """201 with the plan, or 202."""
        judge_definition(given)
        organization_id = asked.caller.organization(organization_named(given, beside=asked.organization_id))
        command_id = self._ids.uuid()
        tenant_id = asked.caller.visible.tenant_id
        command = PlanCommand(
            type=CommandType.CREATE,
            command_id=command_id,
            plan_id=plan_id(tenant_id, organization_id, asked.key or command_id),
            tenant_id=tenant_id,
            organization_id=organization_id,
            actor=asked.caller.actor,
            issued_at=self._clock.now(),
            content={"plan": given},
            idempotency_key=asked.key,
        )
        shown = await self._submit(asked, command)
        if isinstance(shown, Rejection):
            raise rejection_error(shown.problem)
        if isinstance(shown, Late):
            return late_answer(asked, command)
        return _answer(asked, created_plan(shown.plan, await self._calendars(tenant_id, shown.plan)), shown, status=_CREATED)

    async def change(self, asked: Asked, plan: str, patch: Mapping[str, Any]) -> Response:
        """200 with the changed plan, or 202."""
        refuse_patch(patch)
        return await self._about(asked, plan, CommandType.UPDATE, {"patch": patch})

    async def cancel(self, asked: Asked, plan: str) -> Response:
        """200 with the cancelled plan, the first time and again; or 202."""
        return await self._about(asked, plan, CommandType.CANCEL, {})

    async def pause(self, asked: Asked, plan: str, body: Mapping[str, Any]) -> Response:
        """200 with the paused plan, or 202."""
        return await self._about(asked, plan, CommandType.PAUSE, pause_content(body))

    async def resume(self, asked: Asked, plan: str, body: Mapping[str, Any]) -> Response:
        """200 with the plan, which goes on, or 202."""
        return await self._about(asked, plan, CommandType.RESUME, resume_content(body))

    async def _about(self, asked: Asked, plan: str, kind: CommandType, content: Mapping[str, Any]) -> Response:
        expected = etags.expected_revision(asked.request.headers.getlist("if-match"))
        visible = asked.caller.narrowed(asked.organization_id)
        if not is_uuid(plan):
            raise plan_not_found()
        stored = await self._queries.plan(visible, plan)
        command = PlanCommand(
            type=kind,
            command_id=self._ids.uuid(),
            plan_id=plan,
            tenant_id=visible.tenant_id,
            # The owner may know a plan that the run store does not show yet; it refuses one of another organization.
            organization_id=stored.organization_id if stored else asked.caller.organization(asked.organization_id),
            actor=asked.caller.actor,
            issued_at=self._clock.now(),
            content={"plan_id": plan, **content},
            idempotency_key=asked.key,
            expected_revision=expected,
        )
        shown = await self._submit(asked, command)
        if isinstance(shown, Rejection):
            return _refuse(asked, kind, rejection_error(shown.problem), stored)
        if isinstance(shown, Late):
            return late_answer(asked, command)
        return _answer(asked, plan_answer(shown.plan, last_run=await self._last_run(visible, plan)), shown, status=200)

    async def _submit(self, asked: Asked, command: PlanCommand) -> Carried | Rejection | Late:
        return await self._submission.submit(command, trace_of(asked.request), wait_s=asked.wait.seconds)

    async def _calendars(self, tenant_id: str, plan: Mapping[str, Any]) -> Calendars:
        """The holiday list that the plan uses; if it is not to be had just now, as if it were empty."""
        try:
            return {**perhaps_there(plan), **await list_named(plan, tenant_id, self._queries)}
        except UnavailableError:
            return perhaps_there(plan)

    async def _last_run(self, visible: Visible, plan: str) -> object:
        try:
            stored = await self._queries.plan(visible, plan)
        except UnavailableError:
            # The command was carried out; what is missing is less than an error would cost.
            return None
        return None if stored is None else stored.document["last_run"]


def judge_definition(given: Mapping[str, Any]) -> None:
    """Raises ProblemError, VALIDATION_FAILED.

    Without a clock: a repeat of a create that went well must find its plan, although `execute_at` has passed since. Whether the
    holiday list that it names is there its owner knows best.
    """
    try:
        define(given, now=None, calendars=perhaps_there(given))
    except DefinitionInvalidError as error:
        raise invalid_definition(error) from None


def plan_not_found() -> ProblemError:
    """The same for what never was and for what belongs to others."""
    return ProblemError(ErrorCode.PLAN_NOT_FOUND, "there is no such plan")


def organization_named(given: Mapping[str, Any], *, beside: str | None) -> str | None:
    """The organization that a definition names, or the query beside it. Raises ProblemError, VALIDATION_FAILED or INVALID_PARAMETER."""
    named: str | None = given.get("organization_id")
    if named is not None and not is_organization_id(named):
        raise invalid_field("/organization_id", ErrorCode.FIELD_INVALID, "1 to 100 letters, digits, dots, hyphens, underscores")
    if None not in (named, beside) and named != beside:
        raise ProblemError(ErrorCode.INVALID_PARAMETER, "organization_id: body and query name different ones")
    return named or beside


def _refuse(asked: Asked, kind: CommandType, error: ProblemError, stored: StoredPlan | None) -> Response:
    """The rejection. An owner forgets a plan some time after its end; the run store keeps it longer."""
    if error.code is not ErrorCode.PLAN_NOT_FOUND or stored is None or stored.status not in _FINAL:
        raise error
    if kind is CommandType.CANCEL and stored.status is PlanStatus.CANCELLED:
        return _answer(asked, dict(stored.document), Carried(stored.document, replayed=True), status=200)
    raise ProblemError(_FINAL[stored.status], f"the plan is {stored.status}")


def _answer(asked: Asked, plan: dict[str, Any], shown: Carried, *, status: int) -> Response:
    headers = {"ETag": etags.plan_tag(plan), **applied(asked)}
    if status == _CREATED:
        headers["Location"] = f"{API}/plans/{plan['id']}"
    if shown.replayed and asked.key is not None:
        headers[idempotency.REPLAYED_HEADER] = "true"
    return JSONResponse(plan, status_code=status, headers=headers)


def late_answer(asked: Asked, command: PlanCommand) -> Response:
    """202: where to ask what becomes of the command."""
    pending = StoredCommand(command.command_id, "pending", command.plan_id, None, False, None, None, command.issued_at)
    headers = {"Location": f"{API}/commands/{command.command_id}", **applied(asked)}
    return JSONResponse(command_shown(pending, None), status_code=202, headers=headers)


def applied(asked: Asked) -> dict[str, str]:
    """The header that says which preference was followed."""
    return {} if asked.wait.applied is None else {preferences.APPLIED_HEADER: asked.wait.applied}
