"""Training from Python: the default configuration, in memory."""

from __future__ import annotations

import logging
import shutil
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from hydra import compose
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from deepham import economics
from deepham.commands.cli import check_choices
from deepham.commands.composing import composing
from deepham.commands.conclusion import conclude
from deepham.commands.configuration import read
from deepham.commands.explaining import explain
from deepham.commands.instantiate import instantiate_all
from deepham.commands.own_models import offer
from deepham.commands.resuming import name_of_its_own
from deepham.commands.unread import check_read
from deepham.economics.box import as_plain
from deepham.economics.economy import require
from deepham.economics.registry import given, own
from deepham.errors import InputError, show
from deepham.monitoring.terminal import show_progress, telling
from deepham.presentation.saying import is_watched
from deepham.reference.store import find
from deepham.runs.checkpoints import CARRIED_KEYS, Carried, find_checkpoint, read_checkpoint
from deepham.runs.folders import RunFolders
from deepham.solution.arguments import flag, whole
from deepham.solution.solution import Solution
from deepham.system.interruption import Interrupted, interruptible
from deepham.system.precision import float32
from deepham.training.fit import check_resumable, computing, fit, starting_point
from deepham.training.settings import Settings

log = logging.getLogger("deepham")


@float32()
def solve(
    economy,
    seed: int,
    overrides: list[str],
    init_from: str | None,
    resume,
    progress: bool | None,
    parameters: dict,
    vary=None,
) -> Solution:
    """See `deepham.solve`."""
    shown = is_watched() if progress is None else flag("progress", progress)
    # the clearest words for a wrong parameter, and plain numbers
    name, parameters = given(economy, parameters)
    known = economics.create(name, **parameters).parameters()
    seed = whole("seed", seed, 0)
    _check(overrides)
    try:
        with composing():
            if own(name) is not None:
                offer(name)
            cfg = compose("train", overrides=[f"model={name}", "logger=none", *overrides])
        cfg.seed = seed
        cfg.model = OmegaConf.merge(cfg.model, {each: known[each] for each in parameters})
        if vary is not None:
            require(isinstance(vary, dict), f"vary: expected parameters with their bounds, got {show(vary)}")
            cfg.vary = OmegaConf.create({name: as_plain(bounds) for name, bounds in vary.items()})
    except (HydraException, OmegaConfBaseException) as error:
        raise InputError(explain(error, "train", [f"model={name}"])) from error
    settings = read(cfg)
    check_read(settings.algorithm.steps_by, overrides)
    require(
        init_from is None or resume is None,
        "init_from and resume: a resumed run has its own networks; leave out one of them",
    )
    init = None if init_from is None else starting_point(str(init_from), settings)
    checkpoint = None if resume is None else find_checkpoint(str(resume), cfg.checkpoint_dir)
    if checkpoint is not None:
        check_resumable(checkpoint, settings)
    wanted = ("guard", "progress") if shown else ("guard",)
    callbacks = instantiate_all("callbacks", {name: cfg.callbacks[name] for name in wanted})
    cfg.run = name_of_its_own(settings) if checkpoint is None else checkpoint.resolve().parent.name
    plain = cast(dict, OmegaConf.to_container(cfg, resolve=True))
    carried = Carried({key: plain[key] for key in CARRIED_KEYS})
    home = Path(cfg.checkpoint_dir) / cfg.run if checkpoint is None else checkpoint.parent
    with telling(shown), TemporaryDirectory(prefix="deepham-") as aside:
        folders = RunFolders(cfg.run, Path(aside), Path(aside))
        try:
            return _train(settings, [*callbacks, carried], folders, checkpoint, init, shown)
        except (Interrupted, KeyboardInterrupt):
            _leave(folders, home)
            raise KeyboardInterrupt from None


def _check(overrides: list[str]) -> None:
    require(
        isinstance(overrides, list | tuple) and all(isinstance(text, str) for text in overrides),
        f"overrides: expected a list of texts such as algorithm.outer_iterations=4, got {show(overrides)}",
    )
    check_choices(overrides)
    for text in overrides:
        require(
            text.startswith(("algorithm", "network", "trainer", "verdict")),
            f"overrides: {text} is not for solve; expected settings of algorithm, network, trainer or verdict",
        )


def _train(
    settings: Settings,
    callbacks: list,
    folders: RunFolders,
    resume: Path | None,
    init: Solution | None,
    shown: bool,
) -> Solution:
    began = time.monotonic()
    with interruptible(signal.SIGINT):  # Lightning would end the caller's process, and leave it deaf to the key
        module, data = fit(settings, callbacks, [], folders, resume, init)
    log.info("training took %.0f s; measuring in the continuum ...", time.monotonic() - began)
    reference = find(settings.economy_name, settings.economy, settings.reference, store=None)
    with computing(settings.trainer):
        end = conclude(settings, module, data, reference, show_progress if shown else None)
    log.info(
        "solved in %.0f s, mean Euler error %.4f %%; summary() has every measure",
        time.monotonic() - began,
        end.measures["euler.mean"],
    )
    return end.solution


def _leave(folders: RunFolders, home: Path) -> None:
    """Keep what was trained before the interruption, unless it came before the end of the first outer iteration."""
    if not folders.last.exists() or not read_checkpoint(folders.last)["updates"]:
        return
    left = RunFolders(folders.name, home, home)
    try:
        home.mkdir(parents=True, exist_ok=True)
        shutil.move(folders.last, left.last)
        left.set_status("interrupted", signal="SIGINT", resume=f"deepham.solve(..., resume={str(home)!r})")
    except OSError as error:
        log.warning("interrupted; what was trained cannot be kept in %s: %s", home, error.strerror)
        return
    log.warning("interrupted; go on with the same call and resume=%s beside its arguments", repr(str(home)))
