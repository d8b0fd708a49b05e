"""The stream as Lightning takes it: which economies are this process's, and how they are kept and gone on with."""

from __future__ import annotations

from typing import Any, cast

import lightning
import torch
from torch.utils.data import DataLoader

from deepham.algorithm.settings import AlgorithmSettings
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population, concatenate
from deepham.system.ranks import ALONE, Ranks
from deepham.training.calibrations import Calibrations
from deepham.training.stream import Batch, PanelStream, StreamOfCalibrations, on_the_cpu


class PanelData(lightning.LightningDataModule):
    """Holds the stream, its generator and the simulated economies; all of it is part of a checkpoint.

    Args:
        world: the economy and the policy that learns.
        settings: of the whole run; one process of several simulates its share of the economies.
        start: (n_z, N) cross-sections by aggregate state to begin with, or None for the economy's own.
        ranks: the processes that train together.
        capture: on a GPU, move the economies by a CUDA graph.
        rest: the cross-section of an economy at rest to begin with (`PanelStream`).
        calibrations: those that are simulated; None: the model's own alone.
    """

    def __init__(
        self,
        world: World,
        settings: AlgorithmSettings,
        seed: int,
        start: Population | None = None,
        ranks: Ranks = ALONE,
        capture: bool = False,
        rest: Population | None = None,
        calibrations: Calibrations | None = None,
    ):
        super().__init__()
        self.world, self.capture, self.rest, self.calibrations = world, capture, rest, calibrations
        self.settings, self.seed, self.start, self.ranks = settings.of_stream().share(ranks.size), seed, start, ranks
        self.stream: PanelStream | None = None
        self._shares: list[dict] | None = None  # of several processes: the state of each after the last outer iteration

    def setup(self, stage: str) -> None:
        assert self.trainer is not None
        device = self.trainer.strategy.root_device
        generator = torch.Generator(device).manual_seed(self.ranks.seed(self.seed))
        economy = self.world.economy.to(device=device)
        start, rest = (None if one is None else _single(one, device) for one in (self.start, self.rest))
        given = economy, self.world.policy, self.settings, generator, start, self.capture
        several = self.calibrations
        self.stream = PanelStream(*given, rest) if several is None else StreamOfCalibrations(several, *given)

    def train_dataloader(self) -> DataLoader:
        # a generator of its own: a DataLoader draws a seed for workers, which would touch the global one
        # collate_fn is told one batch, and no list, where there is no batch_size: the stub knows of lists alone
        given = cast(Any, _as_it_is)
        return DataLoader(self.running, batch_size=None, collate_fn=given, generator=torch.Generator())

    def transfer_batch_to_device(self, batch: Batch, device, dataloader_idx: int) -> Batch:
        return batch  # panels are born on the device

    @property
    def running(self) -> PanelStream:
        """The stream, which `setup` makes."""
        assert self.stream is not None
        return self.stream

    @property
    def panel(self) -> Panel:
        """Where the economies of all processes stand after an outer iteration."""
        if self._shares is None:
            assert self.running.panel is not None  # since the first batch
            return self.running.panel
        return _join([self._panel(share) for share in self._shares])

    def exchange(self) -> None:
        """To be called by every process after an outer iteration: rank 0 measures and saves what all of them are at."""
        if self.ranks.size > 1:
            self._shares = self.ranks.gather(self._own())

    def whole(self, batch: Batch) -> Batch:
        """The batch of all processes, of which each has a share; every process has to ask."""
        if self.ranks.size == 1:
            return batch
        shares = self.ranks.gather((on_the_cpu(batch.panel), None if batch.realised is None else batch.realised.cpu()))
        realised = None if batch.realised is None else torch.cat([share[1] for share in shares])
        return Batch(_join([Panel.of(*share[0]) for share in shares]), realised)

    def state_dict(self) -> dict:
        if self.ranks.size > 1:
            return {} if self._shares is None else {"processes": self._shares}
        return {} if self.stream is None or self.stream.panel is None else self._own()

    def load_state_dict(self, state_dict: dict) -> None:
        # Lightning calls `setup` first. A checkpoint from before the first batch holds no panel.
        if state_dict:
            stream, state = self.running, state_dict
            if self.ranks.size > 1:
                self._shares = shares = state["processes"]
                state = shares[self.ranks.rank]
            stream.generator.set_state(state["generator"].cpu())
            stream.resting = state.get("resting", 0)
            stream.go_on_from(self._panel(state), state.get("coarse"))
            if isinstance(stream, StreamOfCalibrations):
                stream.go_on(state)

    def _own(self) -> dict:
        """The random state and the panel of this process, and for how many batches more it rests, and is coarse."""
        stream = self.running
        assert stream.panel is not None
        own = {
            "generator": stream.generator.get_state(),
            "panel": on_the_cpu(stream.panel),
            "resting": stream.resting,
            "coarse": stream.coarse,
        }
        return own | (stream.beside() if isinstance(stream, StreamOfCalibrations) else {})

    def _panel(self, own: dict) -> Panel:
        k, eps, weight, z, *near = (tensor.to(self.running.generator.device) for tensor in own["panel"])
        return Panel.of(
            k, eps, weight, z.reshape(len(z), -1), *near
        )  # older checkpoints hold states of a chain as (B,)


def data_of(trainer: lightning.Trainer) -> PanelData:
    """What a trainer of this package trains on."""
    return trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]  # Lightning sets it undeclared


def processes_of(state: dict) -> int | None:
    """How many processes left this state of a PanelData; None where any number can go on from it."""
    return len(state.get("processes", [state])) if state else None


def _single(people: Population, device: torch.device) -> Population:
    """A copy on the device, in single precision."""
    k, weight = (x.to(device=device, dtype=torch.float32) for x in (people.k, people.weight))
    return Population(k, people.eps.to(device), weight)


def _join(panels: list[Panel]) -> Panel:
    near = [panel.near for panel in panels if panel.near is not None]
    people, z = concatenate([panel.population for panel in panels]), torch.cat([panel.z for panel in panels])
    return Panel(people, z, torch.cat(near) if near else None)


def _as_it_is(batch: Batch) -> Batch:
    return batch
