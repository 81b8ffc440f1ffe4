"""Who calls: what a token allows."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pydantic import TypeAdapter, ValidationError

from planner.gateway.problems import ProblemError
from planner_contracts.errors import ErrorCode
from planner_contracts.plan_command import ScopeId

ORGANIZATION_DEFAULT: Final = "default"
_ORGANIZATION_ID: Final[TypeAdapter[str]] = TypeAdapter(ScopeId)


class Scope(StrEnum):
    """What a token may be for."""

    PLANS_READ = "plans:read"
    PLANS_WRITE = "plans:write"
    RUNS_READ = "runs:read"
    CALENDARS_READ = "calendars:read"
    CALENDARS_WRITE = "calendars:write"


@dataclass(frozen=True, slots=True)
class Visible:
    """What may be shown: of one tenant, of these organizations. `organizations` None: all of them."""

    tenant_id: str
    organizations: tuple[str, ...] | None

    def includes(self, organization_id: str) -> bool:
        return self.organizations is None or organization_id in self.organizations


@dataclass(frozen=True, slots=True)
class Caller:
    """The holder of a token. `scopes` None: all."""

    visible: Visible
    scopes: frozenset[str] | None
    actor: str

    def require(self, scope: Scope) -> None:
        """Raises ProblemError, FORBIDDEN, naming the scope."""
        if self.scopes is not None and scope not in self.scopes:
            raise ProblemError(ErrorCode.FORBIDDEN, f"the token has no scope {scope}")

    def narrowed(self, organization_id: str | None) -> Visible:
        """What is visible of the organization that was asked for, or of all. Raises ProblemError, FORBIDDEN."""
        if organization_id is None:
            return self.visible
        return Visible(self.visible.tenant_id, (self.organization(organization_id),))

    def organization(self, asked: str | None) -> str:
        """The organization that a new plan belongs to. Raises ProblemError, FORBIDDEN, for one that the token has not."""
        organizations = self.visible.organizations
        if asked is None:
            return organizations[0] if organizations else ORGANIZATION_DEFAULT
        if not self.visible.includes(asked):
            raise ProblemError(ErrorCode.FORBIDDEN, "the token does not act for this organization")
        return asked


def is_organization_id(text: str) -> bool:
    """Whether the text may name an organization."""
    try:
        _ORGANIZATION_ID.validate_python(text)
    except ValidationError:
        return False
    return True
