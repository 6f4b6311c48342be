"""Who hears of a run and who takes its result, as the runner sees them; and the phases that a run will announce."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from torch import Tensor

from engine.pipelines.task import Task


class Events(Protocol):
    """Who hears how far it is; JobContext of the backends has these methods. Any of them may raise to cancel."""

    def check(self) -> None: ...
    def phase(self, name: str, steps: int | None = None, variation: int = 0) -> None: ...
    def step(self, done: int) -> None: ...
    @property
    def wants_preview(self) -> bool: ...
    def preview(
        self,
        pixels: bytes | bytearray | memoryview,
        width: int,
        height: int,
        frames: int = 1,
        rate: str = "",
        variation: int = 0,
    ) -> None: ...


class Sink(Protocol):
    """Who takes the result. Every variation gets exactly `task.result` frames and their samples, in order.

    Sound of a pass comes before its pictures; passes come in order of time.
    """

    def pictures(self, frames: Tensor, variation: int) -> None:
        """uint8 (n, H, W, 3) on the CPU, at the made size (a draft's: that of its stage)."""
        ...

    def sound(self, samples: Tensor, variation: int) -> None:
        """float32 (2, n) on the CPU at the task's sample rate."""
        ...


class PhasePlan(NamedTuple):
    """A phase to come: name, work (grows with its seconds within one name), steps."""

    name: str
    work: float
    steps: int = 0


DECODING_STEPS = 100  # decoding tells its progress in per cent


def planned_phases(task: Task, *, draft_only: bool = False, from_draft: bool = False) -> list[PhasePlan]:
    """The phases of a run, in order. Work: frames times pixels, times steps and evaluations where there are steps.

    Encoding is counted once per pass and stage, whatever is encoded there.
    """
    phases: list[PhasePlan] = []
    variations = len(task.seeds)
    stages = task.recipe.stages[: 1 if draft_only else None]
    for number, plan in enumerate(task.plans):
        encodes = bool(task.known or task.images or task.reference or number)
        for index, stage in enumerate(stages):
            pixels = plan.frames * task.height * task.width / float(stage.shrink) ** 2
            taken = index == 0 and (from_draft or task.from_known)
            if index and task.video == "make" and stages[index - 1].shrink != stage.shrink:
                phases.append(PhasePlan("upsampling", variations * pixels))
            if encodes and not (index == 0 and from_draft):
                phases.append(PhasePlan("encoding media", pixels))
            if taken:
                continue
            evaluations = 2 if stage.sampler == "res_2s" else 1
            if any(guidance is not None for guidance in stage.guidance):
                evaluations *= 4
            steps = stage.schedule.steps
            phases += [PhasePlan(f"stage {index + 1}", pixels * steps * evaluations, steps)] * variations
        made = plan.frames * task.height * task.width / float(stages[-1].shrink) ** 2
        if task.video == "make" and task.deliver_video:
            phases += [PhasePlan("decoding", made, DECODING_STEPS)] * variations
    return phases
