"""The local backend itself: takes a job, plans it, lends the networks to the runner, and hands back finished files."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, cast

import msgspec
import torch
from safetensors import SafetensorError

from engine.backends.base import (
    Backend,
    BadMedia,
    BadRequest,
    DiskFull,
    Estimate,
    Job,
    JobContext,
    JobError,
    MissingWeights,
    NotWritable,
    OutOfMemory,
    Places,
    PlannedPhase,
)
from engine.backends.local.catalogue import Catalogue, InstalledModel, ModelDescription
from engine.backends.local.honesty import prompt_note
from engine.backends.local.lending import LocalNetworks, Precision, UserLora, free_memory
from engine.backends.local.media import MediaFiles, as_tensor
from engine.backends.local.memory import (
    Demand,
    DoesNotFit,
    Memory,
    MemoryPlan,
    gigabytes,
    make_plan,
)
from engine.backends.local.phrases import (
    CAMERA_MOVES,
    IMAGE_TO_VIDEO_SYSTEM,
    NEGATIVE,
    TEXT_TO_VIDEO_SYSTEM,
)
from engine.backends.local.previews import preview_table
from engine.backends.local.prompts import ContextCache, on_cpu
from engine.backends.local.tasks import Preparation, Prepared
from engine.backends.local.writing import ResultFiles
from engine.backends.naming import file_stem, program_version
from engine.backends.outcomes import media_outcomes
from engine.loading.checkpoint import Checkpoint
from engine.loading.errors import LoadingError, LoraError
from engine.loading.lora import Lora
from engine.media import errors as media_errors
from engine.media.encode import Delivery, working_video_encoder
from engine.media.index import VideoIndex
from engine.media.recipe import write_recipe
from engine.media.still import read_still
from engine.models.errors import ModelError
from engine.pipelines.draft import Draft, draft_bytes, load_draft
from engine.pipelines.errors import PipelineError
from engine.pipelines.networks import ModelFacts
from engine.pipelines.phases import planned_phases
from engine.pipelines.recipe import Recipe as PipelineRecipe
from engine.pipelines.runner import Runner
from engine.pipelines.work import StageWork
from engine.protocol.grid import GridError, snap_frames_up
from engine.protocol.messages import (
    BackendCapability,
    Device,
    EnhancePrompt,
    Identity,
    ModeCapability,
    Model,
    ModelCapability,
    Recipe,
    Result,
    ResultFile,
)
from engine.protocol.work import AnyWork, AudioToVideo, Extend, FillGap, ImageToVideo, ModeName, TextToVideo, mode_of

_LOG = logging.getLogger(__name__)
_ENHANCED_TOKENS = 512
_LOADING_STEPS = 100  # loading tells its progress in per cent

_MODES: tuple[ModeName, ...] = (
    "text_to_video",
    "image_to_video",
    "audio_to_video",
    "retake",
    "extend",
    "fill_gap",
    "video_to_video",
    "revoice",
    "upscale",
)


class _Ready(NamedTuple):
    """A job with everything that is decided before something is loaded."""

    networks: LocalNetworks
    prepared: Prepared
    loras: tuple[UserLora, ...]
    demand: Demand
    drafts: tuple[Draft, ...]


class LocalBackend(Backend):
    """Models on this machine's own device."""

    name: ClassVar[str] = "local"

    def __init__(self, places: Places, device: str | None = None) -> None:
        self._places = places
        self._catalogue = Catalogue(places)
        self._device = torch.device(device or _best_device())
        self._precision = Precision.of(self._device)
        self._contexts = ContextCache(places.cache / "contexts")
        self._indices: dict[tuple[str, int, int], VideoIndex] = {}
        self._checkpoints: dict[Path, tuple[tuple[int, int], Checkpoint]] = {}
        self._known: dict[tuple[Path, str], LocalNetworks] = {}  # by checkpoint and model: `_networks` has the weights
        self._networks: LocalNetworks | None = None
        self._lock = threading.Lock()  # the catalogue and the headers are read by two threads

    # --- what works here ---

    def capability(self, refresh: bool = False) -> BackendCapability:
        with self._lock:
            if refresh:
                self._catalogue.refresh()
            models = self._catalogue.models
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
        with self._lock:
            return self._catalogue.listed()

    def describe(self, name: str) -> ModelDescription:
        """What is known of a model by its name, alias or path. Raises BadRequest, MissingWeights."""
        with self._lock:
            return self._catalogue.get(name).description

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

    @property
    def resident_model(self) -> str:
        networks = self._networks
        return networks.model.description.id if networks is not None and "transformer" in networks.loaded else ""

    def _model_capability(self, model: InstalledModel) -> ModelCapability:
        description = model.description
        why_not, available = model.missing, model.complete
        if available:
            try:
                sizes = self._networks_for(model).sizes
                fp8 = self._device.type == "cuda"
                make_plan(sizes, _least_demand(description), self._memory_without_own(), fp8=fp8)
            except (LoadingError, ModelError, OSError) as exc:
                available, why_not = False, f"{description.title} can't be used: {exc}"
            except DoesNotFit as exc:
                available, why_not = False, f"{description.title}: {exc}"
        can_guide = not description.distilled
        fast = description.distilled or model.distilled_lora is not None
        qualities = tuple(name for name, works in (("fast", fast), ("quality", can_guide)) if works)
        return ModelCapability(
            model=description.id,
            title=description.title,
            description=description.description,
            available=available,
            why_not=why_not,
            modes=tuple(self._mode_capability(mode, model, available, why_not) for mode in _MODES),
            qualities=qualities,
            default_steps={"fast": 8, "quality": 30},
            drafts=Fraction(2) in model.upsamplers,
            sound=True,
            negative=can_guide,
            loras=True,
            keyframes=True,
            max_variations=8,
            max_prompt_chars=20_000,
            default_width=description.default_width,
            default_height=description.default_height,
            default_frames=description.default_frames,
            default_rate=description.default_rate,
            codecs=_codecs(),
            camera_moves=tuple(CAMERA_MOVES),
            aliases=description.aliases,
            ships=description.ships,
        )

    def _mode_capability(self, mode: ModeName, model: InstalledModel, available: bool, why_not: str) -> ModeCapability:
        description = model.description
        if available and mode == "upscale" and not model.upsampler_files:
            available, why_not = False, f"{description.title} has no upscaler file here."
        rate = Fraction(description.default_rate)
        return ModeCapability(
            mode=mode,
            available=available,
            why_not=why_not,
            size_multiple=32,
            min_side=64,
            max_pixels=description.largest_pixels,
            max_frames_per_pass=int(description.longest_seconds * rate) // 8 * 8 + 1,
        )

    # --- estimates ---

    def estimate(self, work: AnyWork) -> Estimate:
        files = MediaFiles(self._indices)
        try:
            with _translated():
                ready = self._ready(work, files)
                memory = self._memory_without_own()
                phases = self._phases(ready)
                model = ready.networks.model.description.id
                try:
                    plan = self._plan(ready, memory)
                except DoesNotFit as exc:
                    nearest = self._nearest(work, memory, files)
                    return Estimate(
                        fits=False,
                        model=model,
                        phases=phases,
                        why_not=_too_large(ready, exc, nearest),
                        nearest=nearest,
                        peak_bytes=exc.needed,
                        free_bytes=memory.device_free,
                        adjusted=ready.prepared.adjusted,
                    )
                return Estimate(
                    fits=True,
                    model=model,
                    phases=phases,
                    peak_bytes=plan.peak,
                    free_bytes=memory.device_free,
                    plan=plan.sentences(),
                    adjusted=ready.prepared.adjusted,
                )
        finally:
            files.close()

    # --- running ---

    def run(self, job: Job, context: JobContext) -> Result:
        files = MediaFiles(self._indices)
        try:
            with _translated():
                return self._run(job, context, files)
        finally:
            files.close()

    def enhance(self, asked: EnhancePrompt, check: Callable[[], None]) -> str:
        with _translated():
            networks = self._networks_for(self._catalogue.get(asked.model))
            return self._written_out(networks, asked.prompt, asked.seed, asked.image, check)

    def free_memory(self) -> None:
        if self._networks is not None:
            self._networks.release()

    def close(self) -> None:
        self.free_memory()
        self._networks = None

    def _run(self, job: Job, context: JobContext, files: MediaFiles) -> Result:
        ready = self._ready(job.work, files)
        work = self._decided(job.work, ready)
        if self._networks is not ready.networks:
            self.free_memory()
            self._networks = ready.networks
        context.plan(ready.networks.model.description.id, self._phases(ready))
        for sentence in ready.prepared.adjusted:
            context.notice("adjusted", sentence)
        if note := prompt_note(ready.networks.model.description, work.prompt):
            context.notice("warning", note)
        folder = context.output_folder
        if not os.access(folder, os.W_OK):
            raise NotWritable(
                f"Results can't be written to {folder}: choose another folder, or change its permissions."
            )
        memory = self._memory_without_own()
        try:
            plan = self._plan(ready, memory)
        except DoesNotFit as exc:
            nearest = self._nearest(work, memory, files)
            raise OutOfMemory(_too_large(ready, exc, nearest), str(exc)) from exc
        context.notice("plan", "; ".join(plan.sentences()))
        try:
            return self._attempt(job, work, ready, plan, context, folder)
        except (torch.OutOfMemoryError, MemoryError) as exc:
            failure = str(exc)  # without the exception itself: its trace holds the tensors
        self.free_memory()
        memory = self._memory_without_own()
        try:
            smaller = self._plan(ready, memory, failed=plan)
            context.notice("memory", "memory ran out: trying again with " + "; ".join(smaller.sentences()))
            return self._attempt(job, work, ready, smaller, context, folder)
        except (torch.OutOfMemoryError, MemoryError, DoesNotFit) as exc:
            self.free_memory()
            raise OutOfMemory(
                f"Memory ran out, also with smaller steps: {gigabytes(memory.device_free)} were free. "
                "Choose a smaller size or a shorter clip, or end other programs that use the device.",
                f"{failure}; then: {exc}; first plan: {plan}",
            ) from exc

    def _attempt(
        self, job: Job, work: AnyWork, ready: _Ready, plan: MemoryPlan, context: JobContext, folder: Path
    ) -> Result:
        networks, prepared = ready.networks, ready.prepared
        told = ""

        def loading(phase: str, done: int, total: int) -> None:
            nonlocal told
            if phase != told:
                context.phase("loading", _LOADING_STEPS)
                told = phase
            context.step(int(_LOADING_STEPS * done / max(1, total)))

        networks.prepare(plan, ready.loras, loading)
        if work.enhance:
            context.phase("writing the prompt")
            image = work.keyframes[0].image if work.keyframes and work.keyframes[0].frame == 0 else ""
            written = self._written_out(networks, prepared.prompts[0], work.seed, image, context.check)
            context.notice("adjusted", f"the prompt was written out: {written}")
            prepared = replace(prepared, prompts=(written, prepared.prompts[1]))
        task = replace(prepared.task, **self._encoded(networks, prepared, context))
        if networks.preview_table is None and task.deliver_video:
            networks.preview_table = preview_table(networks, self._places.cache)
        prepared = replace(prepared, task=task)
        suffixes = _suffixes(prepared, work.output.codec)
        stem = file_stem(folder, work.output.name, f"{mode_of(work)}-{job.id[:8]}", suffixes)
        recipe = self._recipe(work, ready, prepared, plan)
        sink = ResultFiles(folder, stem, prepared, work.output.codec, {"comment": "made with ltxdesktop"})
        written_files: list[Path] = []
        try:
            runner = Runner(networks, context, piece_bytes=plan.piece, tile=plan.tile)
            with torch.inference_mode():
                drafts = runner.run(task, sink, draft_only=prepared.draft_only, drafts=ready.drafts)
            context.phase("writing")
            results = sink.close()
            written_files += [Path(file.path) for file in results]
            results += self._beside(results, drafts, prepared, recipe, folder, stem, written_files)
        except BaseException:
            sink.abort()
            for path in written_files:
                with contextlib.suppress(OSError):
                    path.unlink()
            raise
        peak = torch.cuda.max_memory_allocated(self._device) if self._device.type == "cuda" else 0
        return Result(files=tuple(results), recipe=recipe, peak_bytes=peak)

    def _beside(
        self,
        results: Sequence[ResultFile],
        drafts: Sequence[Draft],
        prepared: Prepared,
        recipe: Recipe,
        folder: Path,
        stem: str,
        written_files: list[Path],
    ) -> list[ResultFile]:
        """Sidecars: a recipe beside each result, and the latents of each draft."""
        beside: list[ResultFile] = []
        plain: dict[str, Any] = msgspec.to_builtins(recipe)
        for number, result in enumerate(results):
            seed = recipe.seeds[result.variation]
            path = write_recipe(Path(result.path), plain | {"seed": seed, "variation": result.variation})
            written_files.append(path)
            beside.append(
                ResultFile(path=str(path), role="recipe", size_bytes=path.stat().st_size, variation=result.variation)
            )
            if prepared.draft_only:
                suffix = f"-{number + 1}" if len(results) > 1 else ""
                latents = folder / f"{stem}{suffix}.draft.safetensors"
                written_files.append(latents)
                latents.write_bytes(
                    draft_bytes(drafts[result.variation], {"recipe": json.dumps(plain)})  # names may be no UTF-8
                )
                beside.append(
                    ResultFile(
                        path=str(latents), role="latents", size_bytes=latents.stat().st_size, variation=result.variation
                    )
                )
        return beside

    # --- parts ---

    def _ready(self, work: AnyWork, files: MediaFiles) -> _Ready:
        with self._lock:
            model = self._catalogue.get(work.model)
        networks = self._networks_for(model)
        loras = self._loras(work, networks)
        prepared = Preparation(work, model.description, networks.facts, files, loras).prepare()
        drafts: tuple[Draft, ...] = ()
        if work.stage == "finish":
            if not work.draft_latents:
                raise BadRequest("To finish a draft, name the latents that were kept with it.")
            draft = _draft(work.draft_latents, prepared, networks.facts)
            prepared = replace(prepared, task=replace(prepared.task, seeds=(draft.seed,)))
            drafts = (draft,)
        return _Ready(networks, prepared, loras, _demand_of(prepared, networks, loras), drafts)

    def _networks_for(self, model: InstalledModel) -> LocalNetworks:
        checkpoint = self._checkpoint(model)  # first: a file of another family has nothing to do with what is missing
        model.require()
        key = (checkpoint.path, model.description.id)
        with self._lock:
            known = self._known.get(key)
            if known is None or known.model != model or known.checkpoint is not checkpoint:
                known = LocalNetworks(model, checkpoint, self._device, self._precision)
                self._known[key] = known
            return known

    def _checkpoint(self, model: InstalledModel) -> Checkpoint:
        path = model.checkpoint
        if path is None:
            path, _ = model.require()
        stat = path.stat()
        state = (stat.st_size, stat.st_mtime_ns)
        with self._lock:
            known = self._checkpoints.get(path)
            if known is None or known[0] != state:
                known = (state, Checkpoint.open(path))
                self._checkpoints[path] = known
            return known[1]

    def _loras(self, work: AnyWork, networks: LocalNetworks) -> tuple[UserLora, ...]:
        follows = mode_of(work) in ("video_to_video", "revoice")
        loras: list[UserLora] = []
        for asked in work.loras:
            try:
                file = Lora.open(self._catalogue.lora(asked.lora, networks.model))
                networks.check_lora(file)
            except LoadingError as exc:
                raise BadRequest(f"The LoRA {asked.lora} can't be used: {exc}") from exc
            names = ("reference_downscale_factor", "reference_spatial_scale_factor")
            in_context = follows and any(name in file.metadata for name in names)
            loras.append(UserLora(file, asked.strength, in_context))
        if follows and loras and not any(lora.in_context for lora in loras):
            loras[0] = loras[0]._replace(in_context=True)
        return tuple(loras)

    def _plan(self, ready: _Ready, memory: Memory, failed: MemoryPlan | None = None) -> MemoryPlan:
        return make_plan(ready.networks.sizes, ready.demand, memory, fp8=self._device.type == "cuda", failed=failed)

    def _memory_without_own(self) -> Memory:
        """What would be free if nothing of ours were loaded: plans count all that they need anew."""
        memory = free_memory(self._device)
        networks = self._networks
        if networks is None or not networks.loaded:
            return memory
        held = torch.cuda.memory_allocated(self._device) if self._device.type == "cuda" else networks.held_bytes
        host = 0 if self._device.type == "cuda" else held
        return memory._replace(device_free=memory.device_free + held, host_free=memory.host_free + host)

    def _nearest(self, work: AnyWork, memory: Memory, files: MediaFiles) -> AnyWork | None:
        """The nearest smaller work for which there really is a plan: a smaller picture, then a shorter clip."""
        for smaller in smaller_works(work):
            try:
                self._plan(self._ready(smaller, files), memory)
            except (DoesNotFit, JobError, GridError, PipelineError):
                continue
            return smaller
        return None

    def _phases(self, ready: _Ready) -> tuple[PlannedPhase, ...]:
        phases: list[PlannedPhase] = []
        missing = ready.networks.sizes.transformer if "transformer" not in ready.networks.loaded else 0
        if missing:
            phases.append(PlannedPhase("loading", missing / 1e9, _LOADING_STEPS))
        phases.append(PlannedPhase("encoding prompt", 1.0))
        prepared = ready.prepared
        planned = planned_phases(
            prepared.task, ready.networks.facts, draft_only=prepared.draft_only, from_draft=bool(ready.drafts)
        )
        phases += [PlannedPhase(phase.name, phase.work / 1e6, phase.steps) for phase in planned]
        phases.append(PlannedPhase("writing", prepared.task.result.frames))
        return tuple(phases)

    def _encoded(self, networks: LocalNetworks, prepared: Prepared, context: JobContext) -> dict[str, Any]:
        """The text contexts of a task, from the cache where they are known."""
        context.phase("encoding prompt")
        positive, negative = prepared.prompts
        guided = any(plan is not None for stage in prepared.task.recipe.stages for plan in stage.guidance)
        prompts = [positive, negative or NEGATIVE] if guided else [positive]

        def encode(unknown: Sequence[str]) -> list[Any]:
            contexts = [on_cpu(found) for found in networks.encode(unknown)]
            for number in networks.cut:
                context.notice(
                    "warning",
                    f'The prompt "{unknown[number][:40]}..." is longer than the {networks.prompt_tokens} tokens that '
                    "the model reads: its end is left out.",
                )
            context.check()
            return contexts

        found = self._contexts.contexts(networks.text_identity(), prompts, encode)
        return {"positive": found[0], "negative": found[1] if guided else None}

    def _written_out(
        self, networks: LocalNetworks, prompt: str, seed: int, image: str, check: Callable[[], None]
    ) -> str:
        if not prompt.strip():
            raise BadRequest("There is nothing to write out: give a few words first.")
        gemma = networks.text_encoder()
        sees = image != "" and getattr(gemma.model.config, "vision_config", None) is not None
        picture = as_tensor(read_still(Path(image))) if sees else None
        system = IMAGE_TO_VIDEO_SYSTEM if image else TEXT_TO_VIDEO_SYSTEM
        written = gemma.enhance(
            prompt, system, seed % (1 << 32), _ENHANCED_TOKENS, picture, on_token=lambda _count: check()
        )
        return written or prompt

    def _decided(self, work: AnyWork, ready: _Ready) -> AnyWork:
        """The work as it runs: the model by its id, a finished draft's own seed."""
        changes: dict[str, Any] = {"model": ready.networks.model.description.id, "backend": self.name}
        if work.model.endswith(".safetensors"):
            changes["model"] = work.model
        if ready.drafts:
            changes |= {"seed": ready.drafts[0].seed, "variations": 1}
        return msgspec.structs.replace(work, **changes)

    def _recipe(self, work: AnyWork, ready: _Ready, prepared: Prepared, plan: MemoryPlan) -> Recipe:
        model = ready.networks.model
        checkpoint, _ = model.require()
        if work.enhance:  # made again, it shall not be written out anew
            work = msgspec.structs.replace(work, prompt=prepared.prompts[0], enhance=False, camera="")
        return Recipe(
            work=work,
            engine=program_version(),
            backend=self.name,
            device=self.device().name,
            model=Identity(id=model.description.id, file=str(checkpoint), sha256=_quick_hash(checkpoint)),
            loras=tuple(
                Identity(
                    id=lora.file.path.stem,
                    file=str(lora.file.path),
                    sha256=_quick_hash(lora.file.path),
                    strength=lora.strength,
                )
                for lora in ready.loras
            ),
            seeds=prepared.task.seeds,
            settings={
                "precision": self._precision.name,
                "torch": str(torch.__version__),
                "threads": torch.get_num_threads(),
                "fp8": plan.cast_fp8,
                "piece_bytes": plan.piece,
                "tile": plan.tile or 0,
                "feed_forward_chunk": plan.chunk or 0,
                "made_width": prepared.task.width,
                "made_height": prepared.task.height,
                "stages": _stage_words(prepared.task.recipe),
            },
            parents=work.parents,
            made_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )


def _best_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _codecs() -> tuple[str, ...]:
    deliveries = (("h264", Delivery.H264_AAC), ("prores", Delivery.PRORES_PCM), ("ffv1", Delivery.FFV1_FLAC))
    return tuple(name for name, delivery in deliveries if working_video_encoder(delivery) is not None)


def _suffixes(prepared: Prepared, codec: str) -> tuple[str, ...]:
    counted = [""] if len(prepared.task.seeds) == 1 else [f"-{n + 1}" for n in range(len(prepared.task.seeds))]
    endings = (".mp4", ".mov", ".mkv", ".wav", ".flac", ".draft.safetensors")
    return tuple(f"{number}{ending}" for number in counted for ending in endings)


def _draft(path: str, prepared: Prepared, facts: ModelFacts) -> Draft:
    """A kept draft that belongs to this very job. Raises BadMedia, BadRequest."""
    try:
        draft = load_draft(path)
    except (OSError, ValueError, KeyError, SafetensorError) as exc:
        raise BadMedia(f"The draft {Path(path).name} can't be read: {exc}") from exc
    task = prepared.task
    if len(draft.passes) == len(task.plans) and len(task.recipe.stages) > 1:
        for number, latents in enumerate(draft.passes):
            video = StageWork.of(task, facts, number, 0).video
            expected = (1, video.channels, *video.shape)
            found = None if latents.video is None else tuple(latents.video.shape)
            if task.video == "make" and found != expected:
                raise BadRequest(
                    f"The draft {Path(path).name} was made at another size or length, or by another model: "
                    "finish it with the settings that it was made with."
                )
    return draft


def _demand_of(prepared: Prepared, networks: LocalNetworks, loras: Sequence[UserLora]) -> Demand:
    """The largest stage of the longest pass."""
    task, facts = prepared.task, networks.facts
    stages = task.recipe.stages[:1] if prepared.draft_only else task.recipe.stages
    smallest = min(stage.shrink for stage in stages)
    rows = int(task.height / smallest / facts.scale.height)
    columns = int(task.width / smallest / facts.scale.width)
    frames = max(plan.frames for plan in task.plans)
    steps = max(plan.audio_steps for plan in task.plans)
    tokens = rows * columns * ((frames - 1) // facts.scale.time + 1)
    tokens += rows * columns * len(task.images)
    masked = 0
    if task.reference is not None:
        first = stages[0].shrink
        share = (smallest / (first * task.reference.downscale)) ** 2
        reference = int(tokens * share / task.reference.time_factor)
        if len(stages) == 1 or stages[-1].references:
            tokens += reference
        if task.reference.attention < 1 or task.reference.attention_mask is not None:
            masked = int(tokens * (smallest / first) ** 2) + reference
    return Demand(
        video_tokens=0 if task.video == "absent" else tokens,
        audio_tokens=0 if task.audio == "absent" else steps * (2 if task.voice is not None else 1),
        text_tokens=networks.model.description.prompt_tokens,
        latent_rows=rows,
        latent_columns=columns,
        frames=snap_frames_up(frames),
        masked_tokens=masked,
        lora_bytes=sum(lora.file.size_bytes for lora in loras)
        + (networks.model.distilled_lora.stat().st_size if networks.model.distilled_lora is not None else 0),
        variations=len(task.seeds),
    )


def smaller_works(work: AnyWork) -> Iterator[AnyWork]:
    """The same work with a smaller picture (same shape, multiples of 64), then with half its frames, then with 9.

    Works on given footage keep its size: of those only extensions can be shorter.
    """
    sized = isinstance(work, TextToVideo | ImageToVideo | AudioToVideo | FillGap)
    lengths = [work.frames] if sized or isinstance(work, Extend) else []
    lengths += [frames for frames in (lengths[0] // 2 // 8 * 8 + 1, 9) if frames < lengths[0]] if lengths else []
    for frames in lengths:
        if not sized:
            if frames != lengths[0]:
                yield msgspec.structs.replace(work, frames=frames)
            continue
        for tenths in range(10, 0, -1):
            width, height = (max(64, side * tenths // 10 // 64 * 64) for side in (work.width, work.height))
            if (width, height, frames) != (work.width, work.height, work.frames):
                yield msgspec.structs.replace(work, width=width, height=height, frames=frames)


def _too_large(ready: _Ready, exc: DoesNotFit, nearest: AnyWork | None) -> str:
    task = ready.prepared.task
    sentence = (
        f"{task.width} x {task.height}, {task.plans[0].frames} frames at once with "
        f"{ready.networks.model.description.title}: {exc}."
    )
    if isinstance(nearest, TextToVideo | ImageToVideo | AudioToVideo | FillGap):
        return f"{sentence} {nearest.width} x {nearest.height} with {nearest.frames} frames would fit."
    if isinstance(nearest, Extend):
        return f"{sentence} {nearest.frames} frames would fit."
    return f"{sentence} No size fits: end other programs that use memory, or choose a smaller model."


def _least_demand(description: ModelDescription) -> Demand:
    return Demand(4, 1, description.prompt_tokens, 2, 2, 9)


def _stage_words(recipe: PipelineRecipe) -> str:
    words = [f"{stage.schedule.steps} {stage.sampler} at 1/{float(stage.shrink):g}" for stage in recipe.stages]
    return ", ".join(words)


def _quick_hash(path: Path) -> str:
    """Tells two files apart without reading 46 GB: size, and the first and the last MiB. Marked as such."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(1 << 20))
        file.seek(max(0, size - (1 << 20)))
        digest.update(file.read(1 << 20))
    return f"quick:{digest.hexdigest()}"


@contextmanager
def _translated() -> Generator[None]:
    """Errors of the rooms below as outcomes of a job, each with the sentence that its room built."""
    try:
        with media_outcomes():
            yield
    except JobError:
        raise
    except LoraError as exc:
        raise BadRequest(str(exc)) from exc
    except (LoadingError, ModelError) as exc:
        raise MissingWeights(str(exc)) from exc
    except (GridError, PipelineError) as exc:
        raise BadRequest(str(exc)) from exc
    except OSError as exc:
        if media_errors.is_disk_full(exc):
            raise DiskFull(f"The disk is full: {exc}") from exc
        if isinstance(exc, PermissionError):
            raise NotWritable(str(exc)) from exc
        raise
