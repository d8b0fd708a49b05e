"""The economy of `ks98_ar1` by sequence-jacobian (the extra "compare"): its steady state without aggregate risk, and
its Jacobians, which are linear in the aggregate shock.

It is the first example of that package, on finer grids: 7 incomes and 500 nodes, as `ks98_ar1` is calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sequence_jacobian.examples import krusell_smith  # pyright: ignore[reportMissingImports]

HORIZON = 300  # quarters of a Jacobian
BETA = (0.98 / 1.01, 0.999 / 1.01)  # bounds between which the discount factor is looked for
SIZES = {"nS": 7, "nA": 500}
SMALL = {"nS": 2, "nA": 10}  # of the example itself


@dataclass(frozen=True)
class Model:
    """The example's blocks: of the steady state, whose unknown is beta, and of what follows a shock."""

    steady: Any
    dynamic: Any
    calibration: dict[str, Any]

    @classmethod
    def of_the_example(cls, sizes: dict[str, int]) -> Model:
        """Made anew, and run once on small grids, which compiles it."""
        steady, found, dynamic, *_ = krusell_smith.dag()
        names = ("eis", "delta", "alpha", "rho", "sigma", "Y", "L", "amax", "r")
        return cls(steady, dynamic, {name: found[name] for name in names} | sizes)

    def at_rest(self) -> Any:
        """The steady state: beta such that the market for assets clears at r = 1 %."""
        given = self.calibration, {"beta": BETA}, {"asset_mkt": 0.0}
        return self.steady.solve_steady_state(*given, solver="brentq")

    def jacobian(self, rest: Any) -> Any:
        """Of every variable by productivity, in general equilibrium, (HORIZON, HORIZON) each."""
        return self.dynamic.solve_jacobian(rest, ["K"], ["asset_mkt"], ["Z"], T=HORIZON)

    @staticmethod
    def response(rest: Any, jacobian: Any, name: str, periods: int, persistence: float = 0.9) -> np.ndarray:
        """Of a variable to productivity up by one percent, percent of its steady state; capital is that at the start of
        the quarter."""
        path = 0.01 * rest["Z"] * persistence ** np.arange(HORIZON)
        moved = 100 * jacobian[name]["Z"] @ path / rest[name]
        return (np.concatenate([[0.0], moved]) if name == "K" else moved)[:periods]
