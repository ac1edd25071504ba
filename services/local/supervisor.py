"""Starts processes stage by stage, keeps them alive, and stops them in reverse order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from services.local.keeper import Clock, Keeper, RestartPolicy
from services.local.process import Launcher, ProcessSpec


class Supervisor:
    """The processes of a stack; after `stop` none of them is left."""

    def __init__(
        self,
        launcher: Launcher,
        on_change: Callable[[Keeper, str], None],
        policy: RestartPolicy | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._launcher = launcher
        self._on_change = on_change
        self._policy = policy
        self._clock = clock
        self._stages: list[list[Keeper]] = []
        self._tasks: dict[Keeper, asyncio.Task[None]] = {}

    @property
    def keepers(self) -> Iterator[Keeper]:
        """Every process, in the order in which they were started."""
        return (keeper for stage in self._stages for keeper in stage)

    async def start(self, specs: Sequence[ProcessSpec]) -> None:
        """Starts a stage and returns when all of it is ready; raises NotStarting."""
        stage = [
            Keeper(spec, self._launcher, self._on_change, self._policy, self._clock)
            for spec in specs
        ]
        self._stages.append(stage)
        for keeper in stage:
            name = f"keeper-{keeper.spec.name}"
            self._tasks[keeper] = asyncio.get_running_loop().create_task(keeper.run(), name=name)
        await asyncio.gather(*(keeper.ready_once() for keeper in stage))

    async def stop(self) -> None:
        """Stops the stages, the last one first, each one's processes at the same time."""
        while self._stages:
            stage = self._stages[-1]
            tasks = [self._tasks.pop(keeper) for keeper in stage]
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            self._stages.pop()
            for task in tasks:
                if not task.cancelled():
                    task.result()
