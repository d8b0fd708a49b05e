"""Training itself: Lightning's Trainer on our module, the way back from a bad step, and the process left as found."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import lightning
import safetensors.torch
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment

from deepham.errors import InputError, TrainingDiverged, require, show
from deepham.monitoring.terminal import quiet_lightning
from deepham.runs.checkpoints import (
    LastCheckpoint,
    SealedCheckpoints,
    check_hyperparameters,
    hyperparameters_of,
    read_checkpoint,
)
from deepham.runs.folders import RunFolders
from deepham.simulation.continuum import followed
from deepham.solution.loading import load
from deepham.solution.solution import Solution
from deepham.system.files import replace
from deepham.system.nodes import beside
from deepham.system.ranks import Ranks
from deepham.training.data import PanelData, data_of, processes_of
from deepham.training.from_rest import from_rest
from deepham.training.module import SMALLER_STEP, DeepHAM
from deepham.training.roles import InEveryProcess
from deepham.training.settings import Settings, TrainerSettings

log = logging.getLogger("deepham")
IN_MEMORY = "the checkpoint that was read"  # Lightning asks for a path
OFFENDING = "offending_batch.safetensors"


def fit(
    settings: Settings,
    callbacks: list,
    loggers: list,
    folders: RunFolders | None = None,
    resume: Path | None = None,
    init: Solution | None = None,
) -> tuple[DeepHAM, PanelData]:
    """Train the networks, and go back once to the last good state, with a smaller step, after a NaN or infinite number.

    Args:
        folders: where last.ckpt is kept; None: in a temporary folder.
        resume: a checkpoint to go on from.
        init: a solution whose networks training starts from.

    Raises:
        TrainingDiverged: a second time, or before the first checkpoint.
        ProcessLost: one of several processes ended.
    """
    if folders is None:
        with TemporaryDirectory(prefix="deepham-") as home:
            return fit(settings, callbacks, loggers, RunFolders("unnamed", Path(home), Path(home)), resume, init)
    needed = [callback for callback in callbacks if isinstance(callback, InEveryProcess) and callback.every_process]
    everything = [*callbacks, LastCheckpoint(folders.checkpoints, folders.disk)]
    retreating = False
    with beside(settings.trainer.nodes, settings.trainer.ranks) as ranks:
        while True:
            module = DeepHAM(**settings.hyperparameters())
            if init is not None:
                module.start_from(init)
            if retreating:
                module.retreat()
            # at the same places of its own wealth: paths from a neighbour's would spend the updates on their way
            start = init and followed(init.ergodic, init.economy, settings.economy)
            capture = settings.trainer.cuda_graphs
            fresh = init is resume is None  # a checkpoint, or a solution to start from, is past it
            networks = module.policy, module.policy_average, module.value, module.value_average
            rest = from_rest(settings.economy, networks, settings.algorithm) if fresh else None
            given = module.world, settings.algorithm, settings.seed, start, ranks, capture
            data = PanelData(*given, rest, module.calibrations)
            # the content, not the file: the disks of other machines may be others, or behind
            checkpoint = None if resume is None else read_checkpoint(resume)
            ranks.broadcast(partial(fit_beside, module, data, settings.trainer, needed, checkpoint))
            try:
                fit_once(module, data, settings.trainer, everything, loggers, checkpoint)
                return module, data
            except TrainingDiverged as error:
                _keep_batch(error, folders)
                if retreating or module.retreats or not folders.last.exists():
                    error.advise(
                        f"a step {SMALLER_STEP:g} times as large did not help, and training stops. "
                        f"{module.learner.advice}"
                    )
                    raise
                log.warning(
                    "%s; going back to the last checkpoint with %g times the learning rate", error, SMALLER_STEP
                )
                retreating, resume = True, folders.last


def fit_once(
    module: DeepHAM, data: PanelData, trainer: TrainerSettings, callbacks: list, loggers: list, checkpoint: dict | None
) -> None:
    """Train until the end, in this process and in step with the others, from the checkpoint on.

    Raises:
        TrainingDiverged: in all processes, with the batch of all of them.
    """
    module.ranks, module.capture = data.ranks, trainer.cuda_graphs
    # before the callbacks that measure: they look at the economies of all processes
    callbacks = [Together(), *callbacks]
    try:
        with quiet_lightning(), computing(trainer):
            _trainer(module, data.ranks, trainer, callbacks, loggers, checkpoint).fit(
                module,
                datamodule=data,
                **({} if checkpoint is None else {"ckpt_path": IN_MEMORY, "weights_only": True}),
            )
    except TrainingDiverged as error:
        error.batch = None if error.batch is None else data.whole(error.batch)
        raise


def fit_beside(
    module: DeepHAM, data: PanelData, trainer: TrainerSettings, callbacks: list, checkpoint: dict | None, ranks: Ranks
) -> None:
    """What another process does, as rank 0 hands it out: train on its own share of the economies; it writes nothing."""
    data.ranks = ranks
    with suppress(TrainingDiverged):  # in all processes, and rank 0 knows how to go on
        fit_once(module, data, trainer, callbacks, [], checkpoint)


class Together(lightning.Callback):
    """Lets the processes tell each other where their economies stand, after each outer iteration."""

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        data_of(trainer).exchange()


def _keep_batch(error: TrainingDiverged, folders: RunFolders) -> None:
    """The batch of a bad step, to look at: safetensors.torch.load_file reads it."""
    if error.batch is None:
        return
    panel, path = error.batch.panel, folders.checkpoints / OFFENDING
    tensors = {"k": panel.population.k, "eps": panel.population.eps, "weight": panel.population.weight, "z": panel.z}
    if error.batch.realised is not None:
        tensors["realised"] = error.batch.realised
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    where = {"found": error.what, "step": str(error.step), "outer_iteration": str(error.outer_iteration)}
    with folders.disk.attempt(str(path)):
        replace(path, safetensors.torch.save(tensors, where))


def check_resumable(path: Path, settings: Settings) -> None:
    """Raise InputError unless a run of these settings can go on from a checkpoint."""
    check_hyperparameters(path, hyperparameters_of(path), settings.hyperparameters())
    check_weights(path, settings)
    check_processes(path, settings)


def check_weights(path: Path, settings: Settings) -> None:
    """Raise InputError unless the weights in a checkpoint are those of the networks that its settings describe."""
    try:
        DeepHAM(**settings.hyperparameters()).load_state_dict(read_checkpoint(path)["state_dict"])
    except (RuntimeError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"ckpt_path: {path} holds other networks than its settings describe ({reason[:200]}); it cannot be resumed"
        ) from error


def check_processes(path: Path, settings: Settings) -> None:
    """Raise InputError unless as many processes go on with a checkpoint as left it, each with its own random
    numbers."""
    try:
        before, now = processes_of(read_checkpoint(path).get(PanelData.__name__, {})), settings.trainer.ranks
    except (TypeError, AttributeError) as error:
        raise InputError(f"ckpt_path: {path} does not say where its economies stand; it cannot be resumed") from error
    require(
        before in (None, now),
        f"ckpt_path: {path} is of a run in {before} process{'es' if before != 1 else ''}, this one is "
        f"in {now}; resume with trainer.processes={before} or, on GPUs, trainer.gpus={before}, or as many over "
        f"trainer.nodes",
    )


def starting_point(path: str, settings: Settings) -> Solution:
    """The solution that init_from names.

    Raises:
        InputError: none there, of another economy, or of other networks.
    """
    solution = load(path)
    require(
        solution.name == settings.economy_name,
        f"init_from: {path} is a solution of {solution.name}, this run is of {settings.economy_name}",
    )
    theirs, ours = (box.vary if box else "nothing" for box in (solution.box, settings.box))
    require(
        theirs == ours,
        f"init_from: in {path} varies {show(theirs)}, in this run {show(ours)}; start from a solution of the same box, "
        "or of one calibration: Solution.at gives those of a box",
    )
    for key, value in asdict(settings.network).items():
        require(
            key == "name" or solution.network[key] == value,
            f"init_from: {path} has network.{key}={solution.network[key]}, this run has {value}; set network.{key}="
            f"{solution.network[key]}",
        )
    chain = settings.economy.chain
    require(
        (solution.economy.chain.n_z, solution.economy.chain.n_eps) == (chain.n_z, chain.n_eps),
        f"init_from: {path} has another number of states than this run",
    )
    return solution


def _trainer(
    module: DeepHAM, ranks: Ranks, settings: TrainerSettings, callbacks: list, loggers: list, checkpoint: dict | None
) -> lightning.Trainer:
    """Lightning's, which takes each process for a run of its own: what they share is in `Ranks`, and no wrapper,
    barrier or broadcast of every step beside it."""
    return lightning.Trainer(
        accelerator="gpu" if settings.gpus else "cpu",
        devices=[ranks.local] if settings.gpus else 1,
        max_epochs=module.settings.outer_iterations,
        callbacks=callbacks,
        logger=loggers or False,
        enable_checkpointing=any(isinstance(callback, LastCheckpoint) for callback in callbacks),
        # on a cluster Lightning would put in handlers and checkpoints of its own
        plugins=[SealedCheckpoints(checkpoint), LightningEnvironment()],
        enable_progress_bar=False,
        log_every_n_steps=1,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


@contextmanager
def computing(trainer: TrainerSettings) -> Iterator[None]:
    """Threads and determinism of torch as the run wants them inside this block, and as they were found after it.

    Raises:
        InputError: trainer.deterministic, and an operation that torch cannot do the same way twice on this device.
    """
    threads, strict = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    lenient, workspace = (
        torch.is_deterministic_algorithms_warn_only_enabled(),
        os.environ.get("CUBLAS_WORKSPACE_CONFIG"),
    )
    torch.set_num_threads(trainer.threads)
    if trainer.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it, and refuses without it
        torch.use_deterministic_algorithms(True)
    try:
        yield
    except RuntimeError as error:
        if trainer.deterministic and "deterministic" in str(error):
            raise InputError(
                f"trainer.deterministic: {str(error).splitlines()[0].split('. ')[0]}; set trainer.deterministic=false"
            ) from error
        raise
    finally:
        torch.set_num_threads(threads)
        if trainer.deterministic:
            torch.use_deterministic_algorithms(strict, warn_only=lenient)
            if workspace is None:
                os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
