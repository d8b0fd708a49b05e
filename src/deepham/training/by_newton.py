"""Second-order training: the policy from its first-order condition, V from its Bellman equation."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from deepham.algorithm.ergodic_sample import RICHEST, Sample, Sampling, redistributed, scaled
from deepham.algorithm.first_order import Linear, together
from deepham.algorithm.looking_ahead import foresight
from deepham.algorithm.newton import LEAST_DAMPING, Equations, flat, huber, shift, size, tested, tested_own
from deepham.algorithm.off_equilibrium import moved_unknowns
from deepham.algorithm.value_equation import add_bellman_equations, bellman_equation
from deepham.algorithm.within import conditions_within
from deepham.economics.economy import Economy
from deepham.simulation.period import Panel, World
from deepham.training.calibrations import Calibration
from deepham.training.conditions import conditions, double, mean_of, on_average
from deepham.training.drift import Drift
from deepham.training.learner import Learner
from deepham.training.stream import Batch

WORSE, NOISE = 5.0, 0.01  # a residual so many times the one before, and above so much, rejects a step
DAMPING_AT_LAST = 1e-5  # of V: with less it follows the few economies of each sample, with as much before it is slow
VALUE_STEPS_AT_LAST = 3  # of V in an update, where plans no longer move
DAMPED, MOST_DAMPED = 3.0, 16  # factor of the damping where a step is too long, and how often
JUMP = 0.25  # so do mean assets that move by so much, in units of the typical, between two updates
EVERYWHERE = 100.0  # of what is missed on average over economies, where what is missed in each counts one
AFTER_REJECTION, AFTER_ACCEPTANCE = 10.0, 0.3  # factors of the damping


class ByNewton(Learner):
    """One update for each batch: a step of the policy, and of V where it is V's turn.

    Computed in float64. The weights before the last step are kept, and so is where the economies stood: where the next
    sample shows that the step was a bad one, it is taken back, and the damping rises.
    """

    advice = "Try a smaller algorithm.newton.largest_step, or algorithm.newton.relaxation=10"

    def __init__(self, module: Any):
        super().__init__(module)
        s = module.settings.newton
        households = s.drawn(len(flat(module.policy)))
        # consumption beyond what training visits is its base's; hours that are learned have none
        richest = module.settings.top if module.policy.domains else RICHEST
        self.sampling = Sampling(
            households, s.spread, s.spread_weight, module.settings.rich_weight, module.settings.poor_weight, richest
        )
        self.equations = {name: Equations() for name in ("policy", "outlook", "value")}
        self.caution = 1.0  # factor of the damping and the relaxation
        self.reach = 1.0  # factor of the largest step
        self.last: dict = {}  # what it takes to take the last step back
        self.told: dict[str, float] = {}
        self.drift = Drift()

    def step(self, batch: Batch) -> dict[str, Tensor]:
        module, settings = self.module, self.module.settings
        for part in batch.by_calibration:
            module.check_finite("a state of the population", part.panel.population.k.sum(), batch)
        total = settings.outer_iterations * settings.policy_steps
        early = module.updates < settings.newton.early * total
        places = [part.at or module.own for part in batch.by_calibration]
        spread = self._spread_of_plans()
        samples = [self._sample(at, part, early, spread) for at, part in zip(places, batch.by_calibration)]
        if self._plans_stay() and not batch.resting:
            good = self._outlook_step(places, samples, batch)
        else:
            moved = [self._off_equilibrium(at, sample, batch.generator) for at, sample in zip(places, samples)]
            good = self._policy_step(places, moved, batch, early)
        if good and module.updates >= total - settings.newton.value_updates:
            # V needs as many steps where the policy, from a neighbour's, needs few
            for _ in range(max(self._value_steps(), settings.newton.value_updates // total)):
                if self._plans_stay():
                    farther = settings.newton.spread_of_value
                    samples = [self._sample(at, part, early, farther) for at, part in zip(places, batch.by_calibration)]
                self._value_step(places, samples)
        module.updates += 1
        module.update_averages(1.0)  # the last weights are the solution
        return {f"{name}_residual": torch.tensor(self.told[name]) for name in ("policy", "value") if name in self.told}

    def _left(self) -> int:
        """Updates in which plans are yet to move."""
        module, settings = self.module, self.module.settings
        last = settings.newton.outlook_updates if module.economy.foreseen else 0
        return settings.outer_iterations * settings.policy_steps - last - module.updates

    def _plans_stay(self) -> bool:
        return bool(self.module.economy.foreseen) and self._left() <= 0

    def _finely(self) -> bool:
        """Whether plans still move, on the histograms of the last updates."""
        return bool(self.module.settings.newton.last_nodes) and self._left() <= self.module.settings.newton.fine_updates

    def _value_steps(self) -> int:
        """Where plans stay, several in an update, each on a sample of its own: what V has to learn of the aggregate
        state takes many economies."""
        return VALUE_STEPS_AT_LAST if self._plans_stay() else 1

    def _memory(self, early: bool) -> float:
        """What the equations of plans keep of an update in the next: more and more in the last updates in which plans
        move, where one sample no longer leads a step away from where the others lead."""
        settings, left = self.module.settings.newton, self._left()
        memory = settings.memory_early if early else settings.memory_late
        settled = 1 - min(1.0, left / settings.settling) if settings.settling else 0.0
        return memory + settled * max(0.0, settings.memory_at_last - memory)

    def _spread_of_plans(self) -> float:
        """How many times as far from rest as the economies are samples look. The outlook, found while plans stay, is to
        be right where the economies are."""
        settings, left = self.module.settings.newton, self._left()
        if self._plans_stay() or self._finely() or settings.settling and left > settings.settling:
            return 1.0
        return settings.spread_z

    def _sample(self, at: Calibration, batch: Batch, early: bool, spread: float) -> Sample:
        settings, generator, grid = self.module.settings.newton, batch.generator, batch.grid
        assert generator is not None and grid is not None  # the stream's, of the continuum
        economy, policy = at.exact, double(at.world.policy)
        with torch.no_grad():
            world = World(economy, policy, clamped=True, resting=batch.resting)
            period = world.period(self._spread(economy, batch.panel.to(dtype=torch.float64), generator, spread))
            sampling = self.sampling if early else self.sampling.fewer(settings.late)
            sample = sampling.draw(period, grid.double(), at.typical, generator)
        # where a market fixes what all hold together there is nothing to scale
        fixed = economy.tracked in economy.unknowns
        width = 0.0 if fixed else settings.scale_early if early else settings.scale_late
        sample = scaled(sample, economy.borrowing_limit, width, generator)
        # the outlook, found while plans stay, is to be right where the economies are
        power = 0.0 if batch.resting or self._plans_stay() and spread == 1.0 else settings.spread_of_wealth
        if power:
            powers = 1 + power * (2 * self._uniform(sample.k, generator) - 1)
            sample = redistributed(sample, economy.borrowing_limit, powers)
        if (width or power) and economy.cleared and not batch.resting:
            with torch.no_grad():  # where there is more capital, or held by others, other wages clear
                found = world.observe(sample.panel).aggregates
            near = torch.cat([found[name] for name in economy.unknowns], 1)
            sample = replace(sample, panel=replace(sample.panel, near=near))
        return sample

    def _spread(self, economy: Economy, panel: Panel, generator: torch.Generator, factor: float) -> Panel:
        """The panel in aggregate states up to so many times as far from the typical one, in which economies are too
        seldom to learn."""
        if factor == 1.0:
            return panel
        farther = 1 + (factor - 1) * self._uniform(panel.z, generator)
        return replace(panel, z=economy.chain.farther(panel.z, farther))

    def _uniform(self, like: Tensor, generator: torch.Generator) -> Tensor:
        """(B, 1), between zero and one, of each economy."""
        return torch.rand((len(like), 1), generator=generator, device=like.device, dtype=like.dtype)

    def _off_equilibrium(self, at: Calibration, sample: Sample, generator: torch.Generator | None) -> Sample:
        """The sample in which some households see prices that do not clear, each alone."""
        share = self.module.settings.off_equilibrium
        if sample.panel.near is None or generator is None:
            return sample
        off, _ = moved_unknowns(at.exact.unknowns, share, sample.k.flatten(), generator)
        return replace(sample, off=torch.cat(list(off.values()), 1))

    def _policy_step(self, places: list[Calibration], samples: list[Sample], batch: Batch, early: bool) -> bool:
        """Whether the last step was a good one; if so the next one is taken."""
        module, settings = self.module, self.module.settings.newton
        if self.last.get("resting", batch.resting) != batch.resting:
            self._markets_open()
        equations = self.equations["policy"]
        plans, ahead = zip(*(conditions(at, sample, batch.resting) for at, sample in zip(places, samples)))
        linear, missed = together(plans), None if None in ahead else together(ahead)
        weight = huber(linear.residual, linear.weight, settings.outlier)
        residual, held = size(linear.residual, weight), _held(places, batch)
        missed_ahead = 0.0 if missed is None else size(missed.residual, missed.weight)
        whole = math.hypot(residual, missed_ahead)
        good = self._is_good(whole, held)
        self.told |= {"policy": residual, "accepted": float(good)}
        if not good:
            self._take_back(batch)
            return False
        drifts = self.drift.add(residual) if missed is not None else None
        if drifts:
            raise module.diverged(drifts, None)
        before = flat(module.policy)
        self.last = {
            "weights": before,
            "equations": equations.state(),
            "residual": whole,
            "held": held,
            "panel": [tensor for part in batch.by_calibration for tensor in part.panel.tensors()],
            "undone": False,
            "resting": batch.resting,
        }
        blocks = [(linear, weight), *self._beside(linear, missed, places, samples, batch.resting)]
        relaxation = settings.relaxation * residual * self.caution
        each = [tested(*block, settings.least_squares) for block in blocks]
        matrix, vector = (torch.stack(part).sum(0) for part in zip(*each))
        own = [tested_own(*block, settings.least_squares) for block in blocks] if relaxation else []
        equations.add(matrix, vector, self._memory(early), torch.stack(own).sum(0) if own else None)
        damping = max(settings.damping * residual**2 * self.caution, LEAST_DAMPING)
        most = settings.largest_step * self.reach
        change = self._solved(equations, damping, relaxation)
        if missed is not None:
            # a whole step that is far too long is so along what equations hardly see: damped it keeps to the rest
            more = damping
            for _ in range(MOST_DAMPED):
                if size(linear.own @ change, weight) <= most:
                    break
                more *= DAMPED
                change = self._solved(equations, more, relaxation)
        change = change * min(1.0, most / max(size(linear.own @ change, weight), 1e-300))
        shift(module.policy, change)
        equations.moved(change)
        self.caution = max(1.0, self.caution * AFTER_ACCEPTANCE)
        self.told |= {"damping": damping, "step": size(linear.own @ change, weight)}
        return True

    def _beside(
        self,
        linear: Linear,
        missed: Linear | None,
        places: list[Calibration],
        samples: list[Sample],
        resting: bool,
    ) -> list[tuple[Linear, Tensor]]:
        """Equations beside those of each household, and the weights of each: what all households of an economy miss
        together and, in the last updates, all economies on average; choices within the period that the network learns;
        conditions that look ahead, `missed`."""
        module, settings = self.module, self.module.settings.newton
        blocks = []
        if settings.together and not resting:
            everybody = on_average(linear, samples)
            blocks.append((everybody, settings.together * everybody.weight))
            self.told["together"] = size(everybody.residual, everybody.weight)
            if self._finely():
                everywhere = mean_of(everybody)
                blocks.append((everywhere, EVERYWHERE * settings.together * everywhere.weight))
                self.told["everywhere"] = float(everywhere.residual)
        if module.policy.domains:
            within = together(
                [conditions_within(at.exact, double(at.world.policy), each) for at, each in zip(places, samples)]
            )
            blocks.append((within, within.weight / len(samples)))
            self.told["within"] = size(within.residual, blocks[-1][1])
        if missed is not None:
            blocks.append((missed, missed.weight))
            self.told["foresight"] = size(missed.residual, missed.weight)
        return blocks

    def _outlook_step(self, places: list[Calibration], samples: list[Sample], batch: Batch) -> bool:
        """A step of the outlook alone. While plans move, so does what it has to look ahead to, and it is never as good
        as it can be.

        Returns True: a step of next to nothing, on equations that are next to linear, is not taken back.
        """
        module, settings, equations = self.module, self.module.settings.newton, self.equations["outlook"]
        if equations.matrix is None:  # what is remembered of both: a sample has fewer economies than there are weights
            equations = self.equations["policy"].of_last(len(flat(module.policy.outlook)))
            self.equations["outlook"] = equations
            self.equations["value"] = Equations()  # of plans that moved
        missed = together(
            [foresight(at.exact, double(at.world.policy), each.panel) for at, each in zip(places, samples)]
        )
        left = size(missed.residual, missed.weight)
        if not math.isfinite(left):
            raise module.diverged("what is left of the conditions that look ahead", batch)
        equations.add(*tested(missed, missed.weight, settings.least_squares), settings.memory_at_last)
        change = self._solved(equations, max(settings.damping * left**2, LEAST_DAMPING))
        change = change * min(
            1.0, settings.largest_step * self.reach / max(size(missed.own @ change, missed.weight), 1e-300)
        )
        shift(module.policy.outlook, change)
        equations.moved(change)
        self.told |= {"foresight": left}
        return True

    def _markets_open(self) -> None:
        """The equations of households at rest say nothing of prices that clear, and a residual that rises is no
        fault of the last step."""
        self.equations["policy"], self.last = Equations(), {}

    def _is_good(self, residual: float, held: float) -> bool:
        # where the last step has been taken back there is none to blame
        if not self.last or self.last["undone"]:
            return math.isfinite(residual)
        worse = residual > max(NOISE, WORSE * self.last["residual"])
        # where an outer iteration starts afresh, assets jump by themselves
        jumped = not self.module.settings.restart and not abs(held - self.last["held"]) < JUMP
        return math.isfinite(residual) and not worse and not jumped

    def _take_back(self, batch: Batch) -> None:
        """Back to where the last step was taken, to take a shorter one from there."""
        module, last = self.module, self.last
        if not last or last["undone"]:
            raise module.diverged(
                "the first-order condition is NaN or infinite, and no step is left to take back", None
            )
        shift(module.policy, (last["weights"] - flat(module.policy)))
        self.equations["policy"].load(last["equations"])
        each = len(last["panel"]) // len(batch.by_calibration)
        for index, part in enumerate(batch.by_calibration):
            assert part.back is not None
            part.back(Panel.of(*last["panel"][index * each : (index + 1) * each]))
        self.caution *= AFTER_REJECTION
        self.last = last | {"undone": True}

    def _value_step(self, places: list[Calibration], samples: list[Sample]) -> None:
        module, equations, settings = self.module, self.equations["value"], self.module.settings.newton
        last = self.equations["outlook"].matrix is not None  # plans stay
        if last:
            settings = replace(settings, memory_of_value=max(settings.memory_of_value, settings.memory_at_last))
        found = [
            bellman_equation(at.exact, double(at.world.policy), double(at.world.value), sample)
            for at, sample in zip(places, samples)
        ]
        damping, level, slope = add_bellman_equations(equations, found, settings)
        damping = max(damping, DAMPING_AT_LAST if last else 0.0)
        change = self._solved(equations, damping)
        shift(module.value, change)
        equations.moved(change)
        self.told |= {"value": level, "slope": slope}

    def _solved(self, equations: Equations, damping: float, relaxation: float = 0.0) -> Tensor:
        """The step, with more damping where there is none."""
        for power in range(8):
            change = equations.solve(damping * 10.0**power, relaxation)
            if bool(change.isfinite().all()):
                return change
        raise self.module.diverged("the equations of a step have no solution", None)

    def rates(self) -> dict[str, float]:
        return dict(self.told)

    def slow_down(self, factor: float) -> None:
        self.reach *= factor

    def state(self) -> dict:
        return {
            "equations": {name: each.state() for name, each in self.equations.items()},
            "caution": self.caution,
            "reach": self.reach,
            "last": self.last,
            "told": self.told,
            "missed": self.drift.missed,
        }

    def load(self, state: dict) -> None:
        if not state:
            return
        for name, kept in state["equations"].items():
            self.equations[name].load(kept)
        self.caution, self.reach, self.last, self.told = (state[name] for name in ("caution", "reach", "last", "told"))
        self.drift.missed = state["missed"]


def _held(places: list[Calibration], batch: Batch) -> float:
    """Mean assets of all economies, in units of what is typical of their calibrations."""
    held = [
        float(part.panel.population.mean(part.panel.population.k).mean()) / at.exact.scale
        for at, part in zip(places, batch.by_calibration)
    ]
    return sum(held) / len(held)
