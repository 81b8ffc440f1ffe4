"""Which actions have their topics; in `open` deployments a new action's are made when the first plan names it."""

import asyncio
from collections.abc import Iterable
from typing import Final, Protocol

from planner.domain.command import Command, Create, Update
from planner.runtime.failures import StartupRefusedError
from planner.runtime.log import get_logger
from planner_contracts import ids

MAKE_TIMEOUT_S: Final = 10.0

_log = get_logger("owner")


class ActionAdmin(Protocol):
    """What is asked of the broker."""

    async def existing(self, actions: Iterable[str]) -> frozenset[str]:
        """Those of the actions whose topics exist."""

    async def make(self, action: str) -> None:
        """Make the action's topics, as declared; harmless where they exist. Raises StartupRefusedError if the broker refuses."""


class ActionTopics:
    """The actions that a plan of this namespace may name."""

    def __init__(self, admin: ActionAdmin, *, open_to_new: bool) -> None:
        self._admin = admin
        self._open = open_to_new
        self._known: set[str] = set()

    @property
    def known(self) -> frozenset[str] | set[str]:
        """Actions seen to have topics."""
        return self._known

    async def look_up(self, actions: Iterable[str]) -> None:
        """Learn of these actions, and make their topics where the deployment is open. Not part of any transaction.

        An action whose topics the broker refuses stays unknown: the commands that name it are rejected, and nothing else stops.
        """
        unseen = set(actions) - self._known
        if not unseen:
            return
        async with asyncio.timeout(MAKE_TIMEOUT_S):
            self._known |= await self._admin.existing(unseen)
            if self._open:
                for action in sorted(unseen - self._known):
                    try:
                        await self._admin.make(action)
                    except StartupRefusedError as refusal:
                        _log.error("owner.action.refused", action=action, reason=str(refusal))
                    else:
                        self._known.add(action)


def actions_named(commands: Iterable[Command]) -> frozenset[str]:
    """The well-formed actions that these commands would give to plans."""
    named = set()
    for command in commands:
        asked = command.ask.given if isinstance(command.ask, Create) else command.ask.patch if isinstance(command.ask, Update) else {}
        action = asked.get("action")
        if isinstance(action, str) and ids.is_action(action):
            named.add(action)
    return frozenset(named)
