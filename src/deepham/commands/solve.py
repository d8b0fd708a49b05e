"""Training from Python: the default configuration, in memory."""

from __future__ import annotations

import logging
import signal
import time

from hydra import compose
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from deepham import economics
from deepham.commands.cli import check_choices, explain
from deepham.commands.composing import composing
from deepham.commands.conclusion import conclude
from deepham.commands.configuration import read
from deepham.commands.instantiate import instantiate_all
from deepham.commands.own_models import offer
from deepham.economics.box import as_plain
from deepham.economics.economy import require
from deepham.economics.registry import given, own
from deepham.errors import InputError, show
from deepham.monitoring.terminal import show_progress, telling
from deepham.presentation.saying import is_watched
from deepham.reference.store import find
from deepham.solution.arguments import flag, whole
from deepham.solution.solution import Solution
from deepham.system.interruption import Interrupted, interruptible
from deepham.system.precision import float32
from deepham.training.fit import computing, fit, starting_point
from deepham.training.settings import Settings

log = logging.getLogger("deepham")


def solve(
    economy, seed: int, overrides: list[str], init_from: str | None, progress: bool | None, parameters: dict, vary=None
):
    """See `deepham.solve`."""
    with float32():
        return _solve(economy, seed, overrides, init_from, progress, parameters, vary)


def _solve(
    economy, seed: int, overrides: list[str], init_from: str | None, progress: bool | None, parameters: dict, vary=None
) -> Solution:
    shown = is_watched() if progress is None else flag("progress", progress)
    # the clearest words for a wrong parameter, and plain numbers
    name, parameters = given(economy, parameters)
    known = economics.create(name, **parameters).parameters()
    seed = whole("seed", seed, 0)
    require(
        isinstance(overrides, list | tuple) and all(isinstance(text, str) for text in overrides),
        f"overrides: expected a list of texts such as algorithm.horizon=2, got {show(overrides)}",
    )
    check_choices(overrides)
    for text in overrides:
        require(
            text.startswith(("algorithm", "network", "trainer", "verdict")),
            f"overrides: {text} is not for solve; expected settings of algorithm, network, trainer or verdict",
        )
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
    init = None if init_from is None else starting_point(str(init_from), settings)
    wanted = ("guard", "progress") if shown else ("guard",)
    callbacks = instantiate_all("callbacks", {name: cfg.callbacks[name] for name in wanted})
    with telling(shown):
        return _train(settings, callbacks, init, shown)


def _train(settings: Settings, callbacks: list, init: Solution | None, shown: bool) -> Solution:
    began = time.monotonic()
    try:
        with interruptible(signal.SIGINT):  # Lightning would end the caller's process, and leave it deaf to the key
            module, data = fit(settings, callbacks, loggers=[], init=init)
    except Interrupted:
        raise KeyboardInterrupt from None
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
