# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3. Your economy, from an empty cell
#
# An economy is a class: what households have, what prices depend on, and how the shocks move. This one has households
# whose skill changes, in the economy of Krusell and Smith: skill $e$ is an autoregression in logs, and productivity
# $z$ is bad or good.
#
# $$
# \max\; E \sum_t \beta^t \log c_t, \qquad c + k' = R k + w e, \qquad k' \ge 0
# $$
#
# $$
# Y = z K^{\alpha}, \qquad R = 1 - \delta + \alpha\, z K^{\alpha - 1}, \qquad w = (1 - \alpha)\, z K^{\alpha}
# $$
#
# It takes a minute or two on a CPU.

# %% tags=["install"]
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("deepham") is None:  # as in Colab
    source = "deepham @ git+https://github.com/OWNER/deepham"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)

# %%
from dataclasses import dataclass
from typing import ClassVar

import torch

import deepham
from deepham.economics.economy import Economy, parameter, series
from deepham.economics.firm import CobbDouglas
from deepham.economics.income import rouwenhorst
from deepham.economics.markov import independent
from deepham.economics.preferences import CRRA
from deepham.economics.unemployment import spells

# %% [markdown]
# ## The equations
#
# What all households of an economy share, such as prices, has the shape (B, 1) for B economies, and what is their own
# the shape (B, N) for N households. So one multiplies with the other as you would write it. `z` and `eps` are indices
# of states.


# %%
@dataclass(eq=False)
class Skills(Economy):
    """Households whose skill changes; productivity is bad or good."""

    beta: float = parameter("discount factor", "per quarter")
    alpha: float = parameter("capital share in output", "share")
    delta: float = parameter("depreciation", "per quarter")
    rho: float = parameter("persistence of log skill", "per quarter")
    sd: float = parameter("long-run standard deviation of log skill")
    productivity: list[float] = parameter("z in bad and in good times")
    spell: float = parameter("mean duration of bad and of good times", "quarters")

    period: ClassVar = "quarter"
    shock_names: ClassVar = {"eps": ("low", "middle", "high"), "z": ("bad", "good")}
    variables: ClassVar = series("K", "Y", "C", "I", "r", "w", period="quarter")  # what `accounts` returns

    def tables(self):
        self.preferences, self.firm = CRRA(1.0), CobbDouglas(self.alpha, self.delta)
        self.skill, moves = rouwenhorst(self.rho, self.sd, 3)  # of mean one
        self.chain = independent(spells([self.spell, self.spell]), moves)
        self.z_level = self.table(self.productivity)

    def aggregates(self, population, z):
        return {"K": population.mean(population.k)}

    def prices(self, aggregates, z):
        return self.firm.prices(aggregates["K"], 1.0, self.z_level[z])  # R and w; all work, with mean skill one

    def resources(self, k, eps, z, prices):
        return prices["R"] * k + prices["w"] * self.skill[eps]

    def accounts(self, choice, carried, seen):
        people, K = seen.population, seen.aggregates["K"]
        return {
            "K": K,
            "Y": self.firm.output(K, 1.0, self.z_level[seen.z]),
            "C": people.mean(choice["c"]),
            "I": people.mean(carried) - (1 - self.delta) * K,
            "r": 100 * (seen.prices["R"] - 1),
            "w": seen.prices["w"],
        }

    def steady_state(self):
        """Without risk beta R = 1, which says where capital is: this sets the scale of networks and grids."""
        return self.firm.at_rest(1 / self.beta - 1 + self.delta, 1.0, self.mean_of(self.z_level))


# %% [markdown]
# ## A calibration
#
# An instance is a calibration. What its equations say can be asked at once, without any solution.

# %%
economy = Skills(beta=0.98, alpha=0.36, delta=0.025, rho=0.95, sd=0.4, productivity=[0.99, 1.01], spell=8.0)
print(economy.steady_state())
print(economy.prices({"K": torch.tensor(economy.steady_state()["K"])}, torch.tensor(1)))

# %% [markdown]
# ## Solve
#
# The settings make training and its verdict short: enough to see that it works, and not enough to quote.

# %%
quick = [
    "algorithm.outer_iterations=6",
    "verdict.nodes=300",
    "verdict.burn_in=500",
    "verdict.periods=300",
    "verdict.dates=5",
]
solution = deepham.solve(economy, overrides=quick, progress=False)
measures = solution.meta["measures"]
print(f"mean Euler error {measures['euler.mean']:.3f} % of consumption")
print(f"mean capital {measures['mean_K']:.2f} goods, without risk {economy.steady_state()['K']:.2f}")
path = solution.simulate(periods=200, seed=1)
print(f"goods add up to {path.attrs['resource_gap']:.0e} % of output")

# %% [markdown]
# More capital than without risk: households save against bad luck. That goods add up says that resources, accounts and
# shocks fit each other.
#
# ## Ask it
#
# States go by the names that the class gives them.

# %%
print(solution.consumption(k=[1.0, 10.0, 40.0], eps="high", z="bad"))
solution.plot_irf("good->bad", ["Y", "C", "K", "r"], draws=20)

# %% [markdown]
# ## Keep it
#
# A solution's folder names the class and holds no code. So the class is handed over when it is loaded.

# %%
folder = solution.save("skills", overwrite=True)
print(deepham.load(folder, economy=Skills))

# %% [markdown]
# As a file beside a calibration, the same class trains on the command line, where a run also writes figures, tables
# and a report. More that an economy can say, such as debt, several aggregate shocks, prices that clear a market, lives
# that end: [add an economy](../docs/add-an-economy.md).
