"""The stream of simulated panels that the networks learn from: nothing is stored, everything is simulated.

One pass over the stream is one outer iteration of DeepHAM and one epoch of Lightning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from deepham.algorithm.realised import realised_utility
from deepham.algorithm.settings import AlgorithmSettings
from deepham.economics.economy import Economy
from deepham.simulation.capture import Captured
from deepham.simulation.continuum import followed, held, on_grid, wealth_grid
from deepham.simulation.period import Panel, Policy, World
from deepham.simulation.population import Population
from deepham.simulation.walk import initial_panel, later
from deepham.solution.datasets import draw_panel
from deepham.training.calibrations import Calibration, Calibrations

SETTLES = 40  # periods that histograms take to forget the nodes that they were on
BEHIND_A_HISTOGRAM = 2000  # agents whose wealth the continuum starts from


@dataclass
class Batch:
    """What a step learns from: where B economies stand.

    Attributes:
        realised: (B, N), for a step of the value regression, the utility realised from there.
        generator: what the step draws from, on the device of the panel.
        grid: (G,) nodes of the continuum's histograms.
        back: has the economies of the stream go on from another panel.
        at: the calibration of the economies; None: the model's own.
        others: of other calibrations, where some vary; what is learned is learned from all of them.
        resting: the economies learn shocks at rest: no market clears in them yet.
    """

    panel: Panel
    realised: Tensor | None = None
    generator: torch.Generator | None = None
    grid: Tensor | None = None
    back: Callable[[Panel], None] | None = None
    at: Calibration | None = None
    others: tuple[Batch, ...] = ()
    resting: bool = False

    @property
    def by_calibration(self) -> tuple[Batch, ...]:
        """This one, and those of other calibrations."""
        return (self, *self.others)


class PanelStream(IterableDataset):
    """Panels, or economies of the continuum, simulated on the device under the policy as it is when they are simulated.

    fresh = "step": the economies move `move` periods under the current policy before each batch.
    fresh = "epoch": at the start of the epoch they move `burn_in` periods under the policy as it then is; batches are
    drawn from cross-sections along a path after that.

    Args:
        start: cross-sections by aggregate state to begin with, instead of the economy's own.
        capture: move the economies before each batch by a CUDA graph.
        rest: the cross-section (1, N) on the histogram's nodes of an economy at rest, in which they all begin.

    Attributes:
        resting: batches yet to come in which markets do not clear, and mean assets are held at the typical ones.
        coarse: batches yet to come before histograms have the nodes of the last updates; None: they have them, or
            there are none of their own.
    """

    def __init__(
        self,
        economy: Economy,
        policy: Policy,
        settings: AlgorithmSettings,
        generator: torch.Generator,
        start: Population | None = None,
        capture: bool = False,
        rest: Population | None = None,
    ):
        self.economy, self.settings, self.generator = economy, settings, generator
        self.world = World(economy, policy, clamped=True)
        self.start, self.rest, self._home = start, rest, economy
        self.resting = 0 if rest is None else settings.newton.resting
        self.coarse = _before_the_last(settings, economy)
        self.panel: Panel | None = None
        self.calibration: Calibration | None = None
        # of the continuum: a histogram instead of agents
        self.grid = wealth_grid(economy, settings.nodes, settings.top) if settings.agents is None else None
        move = self._before_a_batch
        self._move_on: Callable[[Panel], Panel] = Captured(move, generator) if capture else move

    def __len__(self) -> int:
        # without a length Lightning fetches one batch ahead, and every panel is one step stale
        return self.settings.steps

    def __iter__(self) -> Iterator[Batch]:
        s, pool, realised = self.settings, None, None
        if self.panel is None or s.restart:
            # at rest there is nothing to settle
            self.panel = self._later(self._initial_panel(), 0 if self.resting else s.burn_in)
        elif s.fresh == "epoch":
            self.panel = self._later(self.panel, s.burn_in)
        if s.value_steps or s.fresh == "epoch":
            periods = s.realised_periods if s.value_steps else s.spacing
            pool, realised, self.panel = realised_utility(
                self.world, self.panel, s.dates, s.spacing, periods, self.generator
            )
        for _ in range(s.value_steps):
            assert pool is not None and realised is not None
            index = self._choose(len(pool.z), s.value_economies)
            yield Batch(pool.select(index), realised[index], self.generator, at=self.calibration)
        for _ in range(s.policy_steps):
            assert self.panel is not None
            if self.coarse == 0 and not self.resting:
                self.panel, self.coarse = self._refined(self.panel), None
            self.coarse = max(0, self.coarse - 1) if self.coarse else self.coarse
            if self.resting:
                self.panel, self.resting = self._at_rest(self.panel), self.resting - 1
                yield Batch(self.panel, None, self.generator, self.grid, self.stand, resting=True)
            elif s.fresh == "step":
                self.panel = self._move_on(self.panel)
                yield Batch(self.panel, None, self.generator, self.grid, self.stand, self.calibration)
            else:
                assert pool is not None
                here = pool.select(self._choose(len(pool.z), s.economies))
                yield Batch(here, generator=self.generator, at=self.calibration)

    def _at_rest(self, panel: Panel) -> Panel:
        """A period later, of economies at rest: their markets would keep mean assets where they are."""
        assert self.grid is not None
        household, n_eps = self.economy.typical_household(), self.economy.chain.n_eps
        panel = later(replace(self.world, resting=True), panel, 1, self.generator, self.grid)
        people = held(self.grid, panel.population, household["assets"], household["limit"], n_eps)
        return Panel(people, panel.z, panel.near)

    def _initial_panel(self) -> Panel:
        if self.rest is not None:
            everybody = self.rest.select([0] * self.settings.economies)
            z = self.economy.chain.typical_z()[:1]
            return Panel(everybody, z.repeat(self.settings.economies, 1))
        agents = self.settings.agents or BEHIND_A_HISTOGRAM
        panel = initial_panel(self.economy, self.settings.economies, agents, self.generator)
        population = panel.population
        if self.start is not None:
            start = self.start if self.calibration is None else followed(self.start, self._home, self.economy)
            population = draw_panel(start.select(self.economy.chain.cell(panel.z)), agents, self.generator)
        if self.grid is not None:
            held = population.k.clamp(self.grid[0], self.grid[-1])
            population = on_grid(self.grid, population.with_assets(held), self.economy.chain.n_eps)
            mass = population.weight.reshape(len(population.k), -1, len(self.grid))
            population = replace(population, weight=self.economy.chain.settled(mass).flatten(1))
        return Panel(population, panel.z)

    def _refined(self, panel: Panel) -> Panel:
        """On the nodes of the last updates, which its economies have from now on, when those before are forgotten."""
        self._refine()
        assert self.grid is not None
        people = on_grid(self.grid, panel.population, self.economy.chain.n_eps)
        return self._later(Panel(people, panel.z, panel.near), SETTLES)

    def _refine(self) -> None:
        self.grid = wealth_grid(self.economy, self.settings.newton.last_nodes, self.settings.top)

    def go_on_from(self, panel: Panel, coarse: int | None) -> None:
        """From a checkpoint: its panel, and how many batches were then to come on the nodes that come first."""
        self.panel, self.coarse = panel, coarse
        if self.grid is not None and panel.population.k.shape[1] > self.economy.chain.n_eps * len(self.grid):
            self._refine()

    def stand(self, panel: Panel) -> None:
        """Go on from this panel."""
        self.panel = panel

    def follow(self, calibration: Calibration) -> None:
        """Go on in another calibration, with the cross-sections that there are."""
        before, after = self.economy, calibration.world.economy
        self.calibration, self.economy, self.world = calibration, after, calibration.world
        if self.grid is not None:
            self.grid = wealth_grid(after, self.settings.nodes, self.settings.top)
        if self.panel is None:
            return
        people = followed(self.panel.population, before, after)
        if self.grid is not None:
            held = people.k.clamp(self.grid[0], self.grid[-1])
            people = on_grid(self.grid, people.with_assets(held), after.chain.n_eps)
        self.panel = Panel(people, self.panel.z)

    def _before_a_batch(self, panel: Panel) -> Panel:
        return self._later(panel, self.settings.move)

    def _later(self, panel: Panel, periods: int) -> Panel:
        return later(self.world, panel, periods, self.generator, self.grid)

    def _choose(self, of: int, number: int) -> Tensor:
        return torch.randint(of, (number,), generator=self.generator, device=self.generator.device)


class StreamOfCalibrations(PanelStream):
    """The panels of the model's own calibration, and beside each those of others, which wander through a box.

    They move on before each batch; where economies are followed along paths within an outer iteration, before that.

    Args:
        calibrations: their economies are shared out evenly, at least one to each.
        others: as in `PanelStream`, of all of them.
    """

    def __init__(
        self, calibrations: Calibrations, economy: Economy, policy: Policy, settings: AlgorithmSettings, *others
    ):
        number = calibrations.number
        each = replace(
            settings,
            economies=-(-settings.economies // number),
            value_economies=-(-settings.value_economies // number),
        )
        super().__init__(economy, policy, each, *others)
        self.calibrations, self.turn = calibrations, 0
        self.beside_it = [PanelStream(economy, policy, each, *others) for _ in range(1, number)]
        self._follow()

    def __iter__(self) -> Iterator[Batch]:
        along_paths = self.settings.fresh == "epoch" or self.settings.value_steps > 0
        streams = [super().__iter__(), *map(iter, self.beside_it)]
        for step in range(len(self)):
            if not along_paths or step == 0:
                self.turn += 1
                self._follow()
            own, *others = [next(stream) for stream in streams]
            yield replace(own, others=tuple(others))

    def _follow(self) -> None:
        for index, stream in enumerate(self.beside_it, 1):
            stream.follow(self.calibrations.at(index, self.turn, self.generator.device))

    def beside(self) -> dict:
        """What a checkpoint holds of the stream beside its panel and its generator."""
        return {"turn": self.turn, "others": [on_the_cpu(each.panel) for each in self.beside_it if each.panel]}

    def go_on(self, state: dict) -> None:
        """From a checkpoint."""
        self.turn = state["turn"]
        self._follow()
        for stream, panel in zip(self.beside_it, state["others"], strict=True):
            stream.panel = Panel.of(*(tensor.to(self.generator.device) for tensor in panel))


def _before_the_last(settings: AlgorithmSettings, economy: Economy) -> int | None:
    """Batches before those for which histograms have nodes of their own; None where there are no such."""
    last = settings.newton
    fine = last.fine_updates + last.outlook_updates
    if not (settings.second_order and economy.foreseen and last.last_nodes and fine):
        return None
    return max(0, settings.outer_iterations * settings.policy_steps - fine)


def on_the_cpu(panel: Panel) -> list[Tensor]:
    """The tensors of a panel as a checkpoint holds them."""
    return [tensor.cpu() for tensor in panel.tensors()]
