"""An economy with d aggregate shocks: Krusell and Smith's households beside d autoregressions that move productivity.

    firm      R = 1 - delta + z alpha (K/L)^(alpha-1),   w = z (1-alpha) (K/L)^alpha,   z = productivity exp(sum_i x_i)
    shocks    x_i' = rho_i x_i + sigma_i e_i,   e_i independent standard normals,   i = 1 ... d

Everything else is economics/ks98.py with constant unemployment. Prices follow the sum of the x_i, and since they die
out at different rates a household's choice depends on each of them: a grid of 5 points an axis has 5^d aggregate
states.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import reduce
from itertools import product

import torch
from torch import Tensor

from deepham import economics
from deepham.economics.autoregressions import Autoregressions
from deepham.economics.economy import Own, Seen, Wide, parameter, require
from deepham.economics.ks98 import KS98
from deepham.simulation.period import Observation

LASTING, SHORT = 0.95, 0.5  # largest and smallest persistence, between which the d are spread evenly
SD = 0.0125  # of log productivity in the long run, whatever d


@dataclass(eq=False)
class ManyShocks(KS98):
    """The fields of KS98 with one aggregate state, and its shocks. z is x, (B, d), in logs of productivity."""

    persistence: list[float] = parameter("rho of each shock")
    innovation: list[float] = parameter("sigma of each shock, standard deviation of its innovation", "log points")
    directions: int = parameter("random directions in place of the full quadrature in training; 0: the full rule")

    @property  # as many as there are shocks
    def shock_names(self) -> dict[str, tuple[str, ...]]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return KS98.shock_names | {"z": tuple(f"x{i}" for i in range(len(self.persistence)))}

    def prices(self, aggregates: Wide, z: Tensor) -> Wide:
        ratio, productivity = aggregates["K"] / self.labour, self.z_level * self._factor(z)
        return {
            "R": 1 - self.delta + self.alpha * productivity * ratio ** (self.alpha - 1),
            "w": (1 - self.alpha) * productivity * ratio**self.alpha,
        }

    def resources(self, k: Tensor, eps: Tensor, z: Tensor, prices: Wide) -> Tensor:
        return prices["R"] * k + prices["w"] * self.income[0, eps]

    def accounts(self, choice: Own, carried: Tensor, seen: Seen) -> Wide:
        only = torch.zeros_like(seen.z[:, :1], dtype=torch.long)
        assert isinstance(seen, Observation)
        found = super().accounts(choice, carried, replace(seen, z=only))
        return found | {"Y": found["Y"] * self._factor(seen.z)}

    def steady_state(self) -> dict[str, float]:
        """All x_i at their mean, zero."""
        return dict(self._rest)

    def without_aggregate_risk(self) -> KS98:
        return KS98(**{each.name: getattr(self, each.name) for each in fields(KS98)})

    def on_grid(self, points: int) -> tuple[KS98, Tensor]:
        """The economy with a finite chain of `points` states in place of each shock: points^d aggregate states.

        Rouwenhorst's chains have the conditional mean and variance, and with them the persistence and the variance, of
        the autoregressions.

        Returns:
            The economy, and x (points^d, d) in each of its aggregate states.
        """
        chains = [rouwenhorst(rho, sigma, points) for rho, sigma in zip(self.persistence, self.innovation)]
        x = torch.tensor(list(product(*(nodes.tolist() for nodes, _ in chains))), dtype=torch.float64)
        individual = self.chain.individual
        joint = reduce(torch.kron, [*(transition for _, transition in chains), individual])
        productivity = self.productivity[0] * torch.exp(x.sum(1))
        same = {each.name: getattr(self, each.name) for each in fields(KS98)}
        return KS98(
            **same
            | {
                "productivity": productivity.tolist(),
                "unemployment": self.unemployment * len(x),
                "chain_matrix": joint.tolist(),
            }
        ), x

    def check(self) -> None:
        require(
            len(self.productivity) == 1,
            f"productivity: expected one number, the level that the shocks move, got {self.productivity}",
        )
        require(self.directions >= 0, f"directions: expected a whole number from 0 on, got {self.directions}")
        super().check()

    def tables(self) -> None:
        super().tables()
        self._rest = super().steady_state()
        self.chain = Autoregressions(
            self.persistence, self.innovation, self.chain.individual[0, 0], directions=self.directions or None
        )

    def _factor(self, z: Tensor) -> Tensor:
        return torch.exp(z.sum(-1, keepdim=True))


def many_shocks(d: int, directions: int = 0, sd: float = SD) -> ManyShocks:
    """The economy with d shocks of equal variance, in float64: the calibration of Krusell-Smith in the long run.

    Args:
        directions: so many random directions in place of the full quadrature in training; 0: the full rule.
        sd: of log productivity in the long run.
    """
    still = economics.create("ks98").without_aggregate_risk()
    assert still is not None
    persistence = torch.linspace(LASTING, SHORT, d, dtype=torch.float64)
    innovation = sd * ((1 - persistence**2) / d).sqrt()
    return ManyShocks(
        **still.parameters(), persistence=persistence.tolist(), innovation=innovation.tolist(), directions=directions
    )


def rouwenhorst(rho: float, sigma: float, points: int) -> tuple[Tensor, Tensor]:
    """Nodes (points,) and transition (points, points) of the chain for x' = rho x + sigma e (Kopecky and Suen,
    2010)."""
    p = (1 + rho) / 2
    transition = torch.ones(1, 1, dtype=torch.float64)
    for size in range(2, points + 1):
        larger = torch.zeros(size, size, dtype=torch.float64)
        for rows, columns, weight in ((0, 0, p), (0, 1, 1 - p), (1, 0, 1 - p), (1, 1, p)):
            larger[rows : rows + size - 1, columns : columns + size - 1] += weight * transition
        larger[1:-1] /= 2
        transition = larger
    top = sigma * ((points - 1) / (1 - rho**2)) ** 0.5
    return torch.linspace(-top, top, points, dtype=torch.float64), transition
