"""The families of functions in which a law of motion is sought, each with a few parameters: a line for each state of a
chain, or a polynomial where the aggregate state is a number.

Attributes of both:
    higher: whether there is a larger family to go on with.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from deepham.algorithm.ergodic import Ergodic
from deepham.economics.economy import Economy, require
from deepham.errors import NotConverged
from deepham.reference.forecasts import LawOfMotion, PolynomialLaw, PriceLaw, beside_of, monomials
from deepham.reference.grid import Grid
from deepham.reference.household import wide_at
from deepham.reference.settings import ReferenceSettings
from deepham.simulation.period import Panel
from deepham.simulation.population import Population

ENOUGH = 8000  # periods of all economies together, for lines that are near those of longer paths


class LinesByState:
    """Lines log K' = level(z) + slope(z) (log K - centre) by state of a chain, (levels, slopes) as one vector: at the
    steady state the two are nearly independent. Under a planner what assets are paid likewise, in units of the marginal
    utility of typical consumption; and unknowns of the period beside K likewise, in logarithms.
    """

    higher = False  # there is no larger family to go on with

    def __init__(self, economy: Economy):
        typical, centre = economy.typical_state(), economy.typical_aggregates()[economy.tracked]
        self.n_z, self.n_eps, self.centre = economy.chain.n_z, economy.chain.n_eps, math.log(centre)
        self.beside = {name: math.log(economy.unknowns[name].typical) for name in beside_of(economy)}
        self.unit = float(economy.preferences.marginal_utility(economy.table(typical["c"]))) if economy.pays else None

    def first(self) -> Tensor:
        """Where a search starts."""
        x = torch.tensor([self.centre] * self.n_z + [0.96] * self.n_z, dtype=torch.float64)
        for typical in self.beside.values():
            x = torch.cat([x, x.new_tensor([typical] * self.n_z + [0.0] * self.n_z)])
        return torch.cat([x, torch.zeros_like(x)]) if self.unit else x

    def law(self, x: Tensor) -> LawOfMotion:
        """The law of these parameters."""
        level, slope, *others = x.split(self.n_z)
        if not self.unit:
            pairs = zip(others[::2], others[1::2])
            beside = [torch.stack([at - moves * self.centre, moves]) for at, moves in pairs]
            return LawOfMotion(level - slope * self.centre, slope, beside=torch.stack(beside) if beside else None)
        worth, moves = others
        return LawOfMotion(
            level - slope * self.centre, slope, self.unit * (worth - moves * self.centre), self.unit * moves
        )

    def raised(self, x: Tensor) -> Tensor:
        """The same law among those of a larger family: there is none."""
        return x

    def parameters(self, law: LawOfMotion | PolynomialLaw | PriceLaw) -> Tensor:
        """The other way round."""
        assert isinstance(law, LawOfMotion)
        found = [law.intercept + law.slope * self.centre, law.slope]
        for line in () if law.beside is None else law.beside:
            found += [line[0] + line[1] * self.centre, line[1]]
        if self.unit:
            assert law.premium_intercept is not None and law.premium_slope is not None
            found += [
                (law.premium_intercept + law.premium_slope * self.centre) / self.unit,
                law.premium_slope / self.unit,
            ]
        return torch.cat(found)

    def require_states(self, z: Tensor) -> None:
        """Raise InputError unless a line can be laid through what follows each state of the path z (B, T, 1)."""
        for index in range(self.n_z):
            seen = int((z[:, :-1] == index).sum())
            require(
                seen > 2,
                f"reference.periods: the path is in state {index} of the aggregate shock only {seen} "
                "times; expected a longer path or more reference.economies",
            )

    def moved(self, change: Tensor, ergodic: Ergodic) -> Tensor:
        """By how much changes (..., n) of the parameters move what is forecast along the paths, (..., observations):
        log K', and the others in their units."""
        z, x = ergodic.z.flatten(), ergodic.K.log().flatten() - self.centre
        level, slope = change.unflatten(-1, (-1, 2, self.n_z)).unbind(-2)
        return (level[..., z] + slope[..., z] * x).flatten(-2)

    def regress(self, ergodic: Ergodic) -> tuple[Tensor, Tensor]:
        """Least squares of log K', and of a planner's premium or of unknowns, on log K by z, and R2 of log K'."""
        log_K = ergodic.K.log()
        z = ergodic.z[:, :-1].flatten()
        law, fit = lines(log_K[:, :-1].flatten() - self.centre, log_K[:, 1:].flatten(), z)
        for name in self.beside:
            found = ergodic.accounts[name].log().flatten()
            law = torch.cat([law, lines(log_K.flatten() - self.centre, found, ergodic.z.flatten())[0]])
        if self.unit:
            assert ergodic.premium is not None
            law = torch.cat(
                [
                    law,
                    lines(log_K.flatten() - self.centre, ergodic.premium.flatten() / self.unit, ergodic.z.flatten())[0],
                ]
            )
        return law, fit

    def go_on(self, ergodic: Ergodic, start: Panel) -> Panel:
        """Where a path of the same shocks starts next: in the average cross-section of each economy's first z."""
        mass = ergodic.mean_mass.reshape(self.n_z, self.n_eps, -1)
        return Panel(Population.histogram(ergodic.grid, mass[start.z[:, 0]]), start.z)

    def enough(self, settings: ReferenceSettings) -> int:
        """How many periods of each path a rough search needs."""
        return min(settings.periods, -(-ENOUGH // settings.economies))

    def check_inside(self, economy: Economy, ergodic: Ergodic, grid: Grid, settings: ReferenceSettings) -> None:
        """Raise NotConverged where economies have left the nodes: beyond them the policy is not that of the economy."""
        low, high = float(ergodic.K.min()), float(ergodic.K.max())
        if not (grid.K[0] < low and high < grid.K[-1]):
            middle = math.sqrt(float(grid.K[0] * grid.K[-1]))
            farthest = max(math.log(high / middle), -math.log(low / middle))
            raise NotConverged(
                f"reference.K_width: capital moves between {low:.4g} and {high:.4g}, beyond its nodes; "
                f"expected more than {settings.K_width:g}, say {1.2 * farthest:.2g}"
            )


class Polynomials:
    """The laws of a `PolynomialLaw`, around the middle of the nodes. Of a high order they run away where economies have
    not been yet, so that a search begins with a low one.
    """

    def __init__(self, grid: Grid, order: int, most: int):
        assert grid.z is not None
        self.order, self.most, self.centre = order, most, torch.stack([grid.K.log().mean(), grid.z.mean()])

    def first(self) -> Tensor:
        """Mean assets stay as they are."""
        return self.padded(torch.zeros(1, dtype=torch.float64))

    def padded(self, x: Tensor) -> Tensor:
        """The law of a lower order as one of this order."""
        return torch.cat([x, x.new_zeros((self.order + 1) * (self.order + 2) // 2 - len(x))])

    def raised(self, x: Tensor) -> Tensor:
        """The same law among those of the next order, with which the search goes on."""
        self.order += 1
        return self.padded(x)

    @property
    def higher(self) -> bool:
        """Whether there is a higher order to go on with."""
        return self.order < self.most

    def law(self, x: Tensor) -> PolynomialLaw | PriceLaw:
        """The law of these coefficients."""
        return PolynomialLaw(x, self.centre)

    def parameters(self, law: LawOfMotion | PolynomialLaw | PriceLaw) -> Tensor:
        """The other way round."""
        assert not isinstance(law, LawOfMotion)
        return law.coefficients

    def require_states(self, z: Tensor) -> None:
        """None can be missed: the polynomial is of z itself."""

    def terms(self, ergodic: Ergodic) -> Tensor:
        """What coefficients multiply along the paths, (observations, terms)."""
        return monomials(ergodic.K[:, :-1], ergodic.z[:, :-1, 0], self.centre, self.order).flatten(0, 1)

    def moved(self, change: Tensor, ergodic: Ergodic) -> Tensor:
        """By how much changes (..., n) of the parameters move what is forecast along the paths, (..., observations)."""
        return change @ self.terms(ergodic).T

    def regress(self, ergodic: Ergodic) -> tuple[Tensor, Tensor]:
        """Least squares of log K'/K on the terms, and its R2, (1,)."""
        terms = self.terms(ergodic)
        growth = ergodic.K.log().diff(dim=1).flatten()
        x = torch.linalg.lstsq(terms, growth[:, None], driver="gelsd").solution[:, 0]
        return x, 1 - ((growth - terms @ x) ** 2).sum()[None] / ((growth - growth.mean()) ** 2).sum()

    def go_on(self, ergodic: Ergodic, start: Panel) -> Panel:
        """Where a path of the same shocks starts next: as it did. What early laws bring about takes centuries to be
        forgotten."""
        return start

    def enough(self, settings: ReferenceSettings) -> int:
        """How many periods of each path a rough search needs: a polynomial that few show says nothing of where the
        others are."""
        return settings.periods

    def check_inside(self, economy: Economy, ergodic: Ergodic, grid: Grid, settings: ReferenceSettings) -> None:
        """Raise NotConverged where economies have left the nodes: beyond them the policy is not that of the economy."""
        assert grid.z is not None
        for name, nodes, path in (
            (economy.tracked, grid.K, ergodic.K),
            (economy.aggregate_shock, grid.z, ergodic.z),
        ):
            low, high = float(path.min()), float(path.max())
            if not (float(nodes[0]) < low and high < float(nodes[-1])):
                raise NotConverged(
                    f"reference.box: {name} moves between {low:.4g} and {high:.4g}, beyond its nodes; expected more "
                    f"than [{float(nodes[0]):g}, {float(nodes[-1]):g}]"
                )


class PricePolynomials(Polynomials):
    """The laws of a `PriceLaw`, around the middle of the nodes of z and the typical price."""

    def __init__(self, economy: Economy, grid: Grid, order: int, most: int):
        assert grid.z is not None
        self.order, self.most = order, most
        typical = math.log(economy.typical_aggregates()[economy.tracked])
        self.centre = torch.stack([grid.z.mean(), grid.z.new_tensor(typical)])
        # by how much the mean of z' moves with z, in a long run that looks the same backwards
        ends = self.centre[0] + grid.z.new_tensor([[-1.0], [1.0]]) * (grid.z[-1] - grid.z[0]) / 4
        z_next, chance = economy.chain.next_states(
            ends, wide_at(economy, torch.full_like(ends, math.exp(typical)), ends)
        )
        self.lag = ((z_next[..., 0] * chance).sum(1).diff() / ends[:, 0].diff())[0]

    def first(self) -> Tensor:
        """The typical price, whatever z."""
        return self.padded(torch.cat([self.centre[1:], self.centre.new_zeros(2)]))

    def padded(self, x: Tensor) -> Tensor:
        """The law of a lower order as one of this order."""
        return torch.cat([x[:-2], x.new_zeros(self.order + 3 - len(x)), x[-2:]])

    def law(self, x: Tensor) -> PriceLaw:
        """The law of these coefficients. On average z was lag * y before, and the price what it is there on average."""
        *_, b, c = x
        power = torch.arange(self.order + 1)
        known = x[:-2] + torch.where(power == 1, b * self.lag, 0.0) - torch.where(power == 0, c * self.centre[1], 0.0)
        return PriceLaw(x, known / (1 - c * self.lag**power), self.centre)

    def parameters(self, law: LawOfMotion | PolynomialLaw | PriceLaw) -> Tensor:
        """The other way round; of a law at rest its price."""
        if isinstance(law, LawOfMotion):
            return self.padded(torch.cat([law.intercept, law.intercept.new_zeros(2)]))
        return super().parameters(law)

    def terms(self, ergodic: Ergodic) -> Tensor:
        """What coefficients multiply along the paths, (observations, terms)."""
        y, x = ergodic.z - self.centre[0], ergodic.K.log()[..., None] - self.centre[1]
        powers = y[:, 1:] ** torch.arange(self.order + 1)
        return torch.cat([powers, y[:, :-1], x[:, :-1]], -1).flatten(0, 1)

    def regress(self, ergodic: Ergodic) -> tuple[Tensor, Tensor]:
        """Least squares of log q' on the terms, and its R2, (1,)."""
        terms, price = self.terms(ergodic), ergodic.K[:, 1:].log().flatten()
        x = torch.linalg.lstsq(terms, price[:, None], driver="gelsd").solution[:, 0]
        return x, 1 - ((price - terms @ x) ** 2).sum()[None] / ((price - price.mean()) ** 2).sum()

    def go_on(self, ergodic: Ergodic, start: Panel) -> Panel:
        """Where a path of the same shocks starts next: in the average cross-section, over all z."""
        mass = (ergodic.share_z[:, None] * ergodic.mean_mass).sum(0).reshape(1, -1, len(ergodic.grid))
        return Panel(Population.histogram(ergodic.grid, mass.expand(len(start.z), -1, -1)), start.z)


def lines(x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """A line through the points of each z: (levels at zero, slopes) as one vector, and R2 by z."""
    levels, slopes, fits = [], [], []
    for index in range(int(z.max()) + 1):
        here, there = x[z == index], y[z == index]
        slope = ((here - here.mean()) * (there - there.mean())).sum() / ((here - here.mean()) ** 2).sum()
        levels.append(there.mean() - slope * here.mean())
        slopes.append(slope)
        fits.append(1 - ((there - levels[-1] - slope * here) ** 2).sum() / ((there - there.mean()) ** 2).sum())
    return torch.stack(levels + slopes), torch.stack(fits)
