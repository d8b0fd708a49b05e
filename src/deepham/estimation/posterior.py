"""Draws of parameters given moments: a flat prior over the box, and the likelihood of the moments.

Moments of a long sample are nearly normal around those of the model, which makes the likelihood exp(-J/2), J the
criterion of simulated moments with optimal weights (the limited-information likelihood of Kim, 2002). It is drawn from
by the affine-invariant ensemble sampler of Goodman and Weare (2010), of the package emcee.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from deepham.errors import require
from deepham.estimation.surface import Surface

WALKERS, STEPS = 32, 3000
BURN_IN = 500  # steps that are forgotten
KEPT = 4000  # draws that are returned


@dataclass(frozen=True)
class Draws:
    """units (n, P), of the unit cube, and how many independent draws they are worth."""

    units: np.ndarray
    effective: float


def require_emcee() -> None:
    """Raise InputError where emcee is not installed: before anything is simulated."""
    require(
        find_spec("emcee") is not None,
        'method: posterior draws by emcee, which is not installed; install it with: pip install "deepham[estimate]"',
    )


def draw(surface: Surface, data: np.ndarray, root: np.ndarray, unit: np.ndarray, seed: int) -> Draws:
    """Draws around the estimate.

    Args:
        surface: the moments of the model. data: (M,).
        root: (M, M), whose product with its transpose is the inverse of the covariance of data less model.
        unit: (P,), the estimate, a point of the unit cube.
    """
    import emcee  # see `require_emcee`

    def log_posterior(units: np.ndarray) -> np.ndarray:
        found = -0.5 * (((surface(np.clip(units, 0, 1)) - data) @ root) ** 2).sum(-1)
        return np.where(((units >= 0) & (units <= 1)).all(-1), found, -np.inf)

    generator = np.random.RandomState(seed)  # emcee knows this one alone
    walkers = max(WALKERS, 4 * len(unit))
    around = unit + 0.05 * generator.standard_normal((walkers, len(unit)))
    sampler = emcee.EnsembleSampler(walkers, len(unit), log_posterior, vectorize=True)
    sampler.random_state = generator.get_state()
    sampler.run_mcmc(np.abs(1 - np.abs(1 - around)), STEPS)  # reflected into the cube
    time = float(np.max(sampler.get_autocorr_time(discard=BURN_IN, tol=0)))  # tol: what is short is said by us
    chain = np.asarray(sampler.get_chain(discard=BURN_IN, flat=True))
    thinned = chain[:: -(-len(chain) // KEPT)]
    return Draws(thinned, len(chain) / time)
