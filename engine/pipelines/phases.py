"""Which phases a run will announce, in order, and how much work each is: for progress and time left."""

from __future__ import annotations

from typing import NamedTuple

import torch

from engine.pipelines.delivery import VOICE_RATE
from engine.pipelines.networks import ModelFacts
from engine.pipelines.progress import DECODING_STEPS
from engine.pipelines.runner import make_solver
from engine.pipelines.task import Known, Task, TensorPictures, TensorSound
from engine.pipelines.work import ClipJob, Key, Run, SoundJob, StageInputs, StageWork


class PhasePlan(NamedTuple):
    """A phase to come: name, work (grows with its seconds within one name), steps."""

    name: str
    work: float
    steps: int = 0


def planned_phases(
    task: Task, facts: ModelFacts, *, draft_only: bool = False, from_draft: bool = False
) -> list[PhasePlan]:
    """Exactly the phases of a run of this task. Nothing is read, encoded or computed.

    Work: pixels, times evaluations of the transformer where there are steps; seconds of sound for "decoding sound".
    Raises NotPossible, MissingContext as the run would.
    """
    phases: list[PhasePlan] = []
    encoded: set[Key] = set()
    stages = 1 if draft_only else len(task.recipe.stages)
    for number, plan in enumerate(task.plans):
        runs = [_stand_in(task, seed, index, number) for index, seed in enumerate(task.seeds)]
        last = number == len(task.plans) - 1
        for stage in range(stages):
            work = StageWork.of(task, facts, number, stage)
            pixels = float(plan.frames * work.height * work.width)
            if stage == 0 and from_draft:
                continue
            if stage == 0 and task.from_known:
                sound = work.window_sound(runs[0])
                _encoding(phases, encoded, [work.whole_window()], [] if sound is None else [sound])
                continue
            if stage and task.video == "make":
                before = task.recipe.stages[stage - 1]
                growths = (before.shrink != work.stage.shrink) + (before.slow != work.stage.slow)
                phases += [PhasePlan("upsampling", pixels * len(runs))] * growths
            inputs = [StageInputs.of(work, run) for run in runs]
            clips = [job for given in inputs for job in given.clips]
            _encoding(phases, encoded, clips, [job for given in inputs for job in given.sounds])
            for run in runs:
                phases.append(_sampling(work, run, pixels))
        if task.audio == "make" and (task.deliver_audio or not last):
            phases.append(PhasePlan("decoding sound", float(plan.frames / plan.rate) * len(runs)))
        if task.video == "make" and (task.deliver_video or not last):
            shrink = float(task.recipe.stages[stages - 1].shrink)
            made = plan.frames * task.height * task.width / shrink**2
            phases += [PhasePlan("decoding", made, DECODING_STEPS)] * len(runs)
    return phases


def _sampling(work: StageWork, run: Run, pixels: float) -> PhasePlan:
    solver = make_solver(work, run)
    schedule = solver.schedule(work.sigmas)
    guided = [guidance.at(1.0) for guidance in work.stage.guidance if guidance is not None]
    passes = 1 + any(g.wants_negative for g in guided) + any(g.wants_perturbed for g in guided)
    passes += any(g.wants_isolated for g in guided)
    evaluations = len(solver.evaluations(schedule)) * passes
    return PhasePlan(f"stage {work.number + 1}", pixels * evaluations, len(schedule) - 1)


def _encoding(phases: list[PhasePlan], encoded: set[Key], clips: list[ClipJob], sounds: list[SoundJob]) -> None:
    """One phase for everything that is new."""
    new = {job.key: len(job.numbers) * job.height * job.width for job in clips if job.key not in encoded}
    new_sounds = {job.key for job in sounds if job.key not in encoded}
    if new or new_sounds:
        phases.append(PhasePlan("encoding media", float(max(1, sum(new.values())))))
    encoded.update(new, new_sounds)


def _stand_in(task: Task, seed: int, index: int, number: int) -> Run:
    """A run that looks as if the passes before this one had been made; its media hold nothing."""
    run = Run(index, seed, torch.Generator())
    if number:
        pictures = TensorPictures(torch.zeros(1, 1, 1, 3)) if task.video == "make" else None
        sound = TensorSound(torch.zeros(2, 1), VOICE_RATE) if task.audio == "make" else None
        run.previous = Known(pictures, sound, task.plans[number].origin)
    return run
