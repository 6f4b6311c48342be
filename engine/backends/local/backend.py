"""The local backend itself: takes a job, plans it, lends the networks to the runner, and hands back finished files."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, cast

import torch

from engine.backends.base import (
    Backend,
    Estimate,
    Job,
    JobContext,
    JobError,
    NotWritable,
    OutOfMemory,
    Places,
)
from engine.backends.local.capabilities import model_capability
from engine.backends.local.cards import cards
from engine.backends.local.catalogue import InstalledModel, ModelDescription
from engine.backends.local.device import Precision, free_memory
from engine.backends.local.honesty import prompt_note
from engine.backends.local.lending import Loading, LocalNetworks
from engine.backends.local.media import MediaFiles
from engine.backends.local.memory import DoesNotFit, Memory, MemoryPlan, gigabytes, make_plan
from engine.backends.local.opened import OpenedModels
from engine.backends.local.outcomes import local_outcomes
from engine.backends.local.previews import preview_table
from engine.backends.local.prompts import ContextCache, PromptReader, written_out
from engine.backends.local.readying import LOADING_STEPS, Ready, make_ready
from engine.backends.local.recipes import recipe_of
from engine.backends.local.sizing import least_demand, smaller_works, too_large
from engine.backends.local.tasks import Prepared
from engine.backends.local.writing import ResultFiles
from engine.loading.errors import LoadingError
from engine.media.index import VideoIndex
from engine.models.errors import ModelError
from engine.pipelines.errors import PipelineError
from engine.pipelines.runner import Runner
from engine.protocol.grid import GridError
from engine.protocol.messages import BackendCapability, Device, EnhancePrompt, Model, ModelCapability, Result
from engine.protocol.work import AnyWork, mode_of


class LocalBackend(Backend):
    """Models on this machine's own device."""

    name: ClassVar[str] = "local"

    def __init__(self, places: Places, device: str | None = None) -> None:
        """`device` such as "cuda:1"; the best one by default."""
        self._places = places
        self._cards = cards()  # before the device is asked for: what comes meanwhile counts as news
        self._device = torch.device(device or _best_device())
        self._models = OpenedModels(places, self._device, Precision.of(self._device))
        self._prompts = PromptReader(ContextCache(places.cache / "contexts"))
        self._indices: dict[tuple[str, int, int], VideoIndex] = {}
        self._networks: LocalNetworks | None = None  # those that have weights in memory

    # --- what works here ---

    def capability(self, refresh: bool = False) -> BackendCapability:
        if refresh:
            self._models.refresh()
        models = self._models.models
        listed = tuple(self._model_capability(model) for model in models)
        usable = any(model.available for model in listed)
        missing = "; ".join(model.missing for model in models[:1])
        return BackendCapability(
            backend=self.name,
            title="this computer",
            available=usable,
            why_not="" if usable else f"no model is installed: {missing}",
            device=self.device(),
            models=listed,
            enhances=usable,
        )

    def models(self) -> tuple[Model, ...]:
        return self._models.listed()

    def describe(self, name: str) -> ModelDescription:
        """What is known of a model by its name, alias or path. Raises BadRequest, MissingWeights."""
        return self._models.get(name).description

    def device(self) -> Device:
        memory = free_memory(self._device)
        if self._device.type == "cuda":
            properties: Any = cast("Any", torch.cuda).get_device_properties(self._device)
            return Device(
                name=properties.name,
                kind="cuda",
                memory_bytes=properties.total_memory,
                free_bytes=memory.device_free,
            )
        import psutil

        total = psutil.virtual_memory().total
        threads = torch.get_num_threads()
        cpu = f"CPU, {threads} thread{'s' if threads != 1 else ''}"
        name = cpu if self._device.type == "cpu" else "Apple GPU"
        return Device(name=name, kind=memory.kind, memory_bytes=total, free_bytes=memory.device_free)

    def outdated(self) -> str:
        there = cards()
        if there == self._cards:
            return ""
        return "A graphics card has come." if there > self._cards else "A graphics card has gone."

    @property
    def resident_model(self) -> str:
        networks = self._networks
        return networks.model.description.id if networks is not None and "transformer" in networks.loaded else ""

    def _model_capability(self, model: InstalledModel) -> ModelCapability:
        why_not, title = model.missing, model.description.title
        if model.complete:
            try:
                least = least_demand(model.description)
                make_plan(self._models.networks(model).sizes, least, self._memory_without_own(), fp8=self._can_fp8)
            except (LoadingError, ModelError, OSError) as exc:
                why_not = f"{title} can't be used: {exc}"
            except DoesNotFit as exc:
                why_not = f"{title}: {exc}"
        return model_capability(model, why_not)

    # --- estimates ---

    def estimate(self, work: AnyWork) -> Estimate:
        files = MediaFiles(self._indices)
        try:
            with local_outcomes():
                return self._estimate(work, files)
        finally:
            files.close()

    def _estimate(self, work: AnyWork, files: MediaFiles) -> Estimate:
        ready = self._ready(work, files)
        memory = self._memory_without_own()
        known = Estimate(
            fits=True,
            model=ready.networks.model.description.id,
            phases=ready.phases(),
            free_bytes=memory.device_free,
            adjusted=ready.prepared.adjusted,
        )
        try:
            plan = self._plan(ready, memory)
        except DoesNotFit as exc:
            nearest, why_not = self._refusal(work, ready, memory, files, exc)
            return replace(known, fits=False, why_not=why_not, nearest=nearest, peak_bytes=exc.needed)
        return replace(known, peak_bytes=plan.peak, plan=plan.sentences())

    # --- running ---

    def run(self, job: Job, context: JobContext) -> Result:
        files = MediaFiles(self._indices)
        try:
            with local_outcomes():
                return self._run(job, context, files)
        finally:
            files.close()

    def enhance(self, asked: EnhancePrompt, check: Callable[[], None]) -> str:
        with local_outcomes():
            networks = self._models.networks(self._models.get(asked.model))
            return written_out(networks, asked.prompt, asked.seed, asked.image, check)

    def free_memory(self) -> None:
        if self._networks is not None:
            self._networks.release()

    def close(self) -> None:
        self.free_memory()
        self._networks = None

    def _run(self, job: Job, context: JobContext, files: MediaFiles) -> Result:
        ready = self._ready(job.work, files)
        work = ready.decided(job.work, self.name)
        if self._networks is not ready.networks:
            self.free_memory()
            self._networks = ready.networks
        description = ready.networks.model.description
        context.plan(description.id, ready.phases())
        for sentence in ready.prepared.adjusted:
            context.notice("adjusted", sentence)
        if note := prompt_note(description, work.prompt):
            context.notice("warning", note)
        if not os.access(context.output_folder, os.W_OK):
            raise NotWritable(
                f"Results can't be written to {context.output_folder}: "
                "choose another folder, or change its permissions."
            )
        memory = self._memory_without_own()
        try:
            plan = self._plan(ready, memory)
        except DoesNotFit as exc:
            _, sentence = self._refusal(work, ready, memory, files, exc)
            raise OutOfMemory(sentence, str(exc)) from exc
        context.notice("plan", "; ".join(plan.sentences()))
        if self._device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self._device)  # what is told with the result is this job's
        try:
            return self._attempt(job, work, ready, plan, context)
        except (torch.OutOfMemoryError, MemoryError) as exc:
            failure = str(exc)  # without the exception itself: its trace holds the tensors
        return self._step_down(job, work, ready, plan, context, failure)

    def _step_down(
        self, job: Job, work: AnyWork, ready: Ready, failed: MemoryPlan, context: JobContext, failure: str
    ) -> Result:
        """Once more, with a plan that needs less than the one for which memory ran out."""
        self.free_memory()
        memory = self._memory_without_own()
        try:
            smaller = self._plan(ready, memory, failed=failed)
            context.notice("memory", "memory ran out: trying again with " + "; ".join(smaller.sentences()))
            return self._attempt(job, work, ready, smaller, context)
        except (torch.OutOfMemoryError, MemoryError, DoesNotFit) as exc:
            self.free_memory()
            raise OutOfMemory(
                f"Memory ran out, also with smaller steps: {gigabytes(memory.device_free)} were free. "
                "Choose a smaller size or a shorter clip, or end other programs that use the device.",
                f"{failure}; then: {exc}; first plan: {failed}",
            ) from exc

    def _attempt(self, job: Job, work: AnyWork, ready: Ready, plan: MemoryPlan, context: JobContext) -> Result:
        networks = ready.networks
        networks.prepare(plan, ready.loras, _loading(context))
        prepared = self._with_contexts(work, ready, context)
        if networks.preview_table is None and prepared.task.deliver_video:
            networks.preview_table = preview_table(networks, self._places.cache)
        recipe = recipe_of(work, ready, prepared, plan, self.name, self.device().name)
        fallback = f"{mode_of(work)}-{job.id[:8]}"
        with ResultFiles(context.output_folder, work.output.name, fallback, prepared, work.output.codec) as files:
            runner = Runner(networks, context, piece_bytes=plan.piece, tile=plan.tile)
            with torch.inference_mode():
                drafts = runner.run(prepared.task, files, draft_only=prepared.draft_only, drafts=ready.drafts)
            context.phase("writing")
            results = files.finish(recipe, drafts)
        peak = torch.cuda.max_memory_allocated(self._device) if self._device.type == "cuda" else 0
        return Result(files=results, recipe=recipe, peak_bytes=peak)

    def _with_contexts(self, work: AnyWork, ready: Ready, context: JobContext) -> Prepared:
        """The job with its prompts encoded, and written out first if that was asked for."""
        networks, prepared = ready.networks, ready.prepared
        if work.enhance:
            context.phase("writing the prompt")
            image = work.keyframes[0].image if work.keyframes and work.keyframes[0].frame == 0 else ""
            written = written_out(networks, prepared.prompts[0], work.seed, image, context.check)
            context.notice("adjusted", f"the prompt was written out: {written}")
            prepared = replace(prepared, prompts=(written, prepared.prompts[1]))
        positive, negative = self._prompts.contexts(networks, prepared, context)
        return replace(prepared, task=replace(prepared.task, positive=positive, negative=negative))

    # --- planning ---

    def _ready(self, work: AnyWork, files: MediaFiles) -> Ready:
        return make_ready(work, self._models, self._prompts, files)

    @property
    def _can_fp8(self) -> bool:
        return self._device.type == "cuda"

    def _plan(self, ready: Ready, memory: Memory, failed: MemoryPlan | None = None) -> MemoryPlan:
        return make_plan(ready.networks.sizes, ready.demand, memory, fp8=self._can_fp8, failed=failed)

    def _memory_without_own(self) -> Memory:
        """What would be free if nothing of ours were loaded: plans count all that they need anew."""
        memory = free_memory(self._device)
        networks = self._networks
        if networks is None or not networks.loaded:
            return memory
        device, host = networks.held
        if self._device.type == "cuda":
            device = torch.cuda.memory_allocated(self._device)  # whatever else of ours lies there goes, too
        else:
            device = host = device + host  # it's one memory
        return memory._replace(device_free=memory.device_free + device, host_free=memory.host_free + host)

    def _refusal(
        self, work: AnyWork, ready: Ready, memory: Memory, files: MediaFiles, exc: DoesNotFit
    ) -> tuple[AnyWork | None, str]:
        """The nearest smaller work for which there really is a plan, and the sentence that offers it."""
        nearest = None
        for smaller in smaller_works(work):
            try:
                self._plan(self._ready(smaller, files), memory)
            except (DoesNotFit, JobError, GridError, PipelineError):
                continue
            nearest = smaller
            break
        return nearest, too_large(ready.prepared, ready.networks.model.description.title, exc, nearest)


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _loading(context: JobContext) -> Loading:
    """Tells the loading of networks as a phase within what needs them, in per cent."""
    told = ""

    def loading(what: str, done: int, total: int) -> None:
        nonlocal told
        if not what:
            context.resume()
        elif what != told:
            context.phase_within("loading", LOADING_STEPS)
        told = what
        if what:
            context.step(int(LOADING_STEPS * done / max(1, total)))

    return loading
