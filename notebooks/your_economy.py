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
from deepham.economics.economy import Economy, Frictionless, parameter
from deepham.economics.income import rouwenhorst
from deepham.economics.markov import JointChain
from deepham.economics.preferences import CRRA

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
    stay: float = parameter("probability that times stay as they are")

    period: ClassVar = "quarter"
    shock_names: ClassVar = {"eps": ("low", "middle", "high"), "z": ("bad", "good")}
    variables: ClassVar = {  # what `accounts` returns
        "K": ("capital, start of period", "goods"),
        "Y": ("output", "goods per quarter"),
        "C": ("consumption", "goods per quarter"),
        "I": ("investment, K' - (1-delta) K", "goods per quarter"),
        "r": ("net return on capital", "percent per quarter"),
        "w": ("wage of a household of mean skill", "goods per quarter"),
    }

    def tables(self):
        self.preferences = CRRA(1.0)
        skill, moves = rouwenhorst(self.rho, self.sd, 3)  # of mean one
        times = torch.tensor([[self.stay, 1 - self.stay], [1 - self.stay, self.stay]], dtype=torch.float64)
        self.chain = JointChain(torch.kron(times, moves), n_z=2, n_eps=3)  # independent of each other
        self.skill, self.z_level = self.table(skill.tolist()), self.table(self.productivity)

    def aggregates(self, population, z):
        return {"K": population.mean(population.k)}

    def prices(self, aggregates, z):
        K, level = aggregates["K"], self.z_level[z]
        return {
            "R": 1 - self.delta + self.alpha * level * K ** (self.alpha - 1),
            "w": (1 - self.alpha) * level * K**self.alpha,
        }

    def resources(self, k, eps, z, prices):
        return prices["R"] * k + prices["w"] * self.skill[eps]

    def accounts(self, choice, carried, seen):
        people, K = seen.population, seen.aggregates["K"]
        return {
            "K": K,
            "Y": self.z_level[seen.z] * K**self.alpha,
            "C": people.mean(choice["c"]),
            "I": people.mean(carried) - (1 - self.delta) * K,
            "r": 100 * (seen.prices["R"] - 1),
            "w": seen.prices["w"],
        }

    def steady_state(self):
        """Without risk beta R = 1, which says where capital is: this sets the scale of networks and grids."""
        K = (self.alpha / (1 / self.beta - 1 + self.delta)) ** (1 / (1 - self.alpha))
        return {"K": K, "c": K**self.alpha - self.delta * K, "m": K**self.alpha + (1 - self.delta) * K}

    def frictionless(self):
        """Where the networks start: consume the annuity of wealth and of the wages to come."""
        wage = (1 - self.alpha) * self.steady_state()["K"] ** self.alpha
        return Frictionless(mpc=1 - self.beta, human_wealth=wage * self.beta / (1 - self.beta))

    def initial_assets(self, shape, generator):
        """Gamma-distributed around the steady state."""
        draws = torch.rand((4, *shape), generator=generator, device=generator.device, dtype=self.z_level.dtype)
        return self.steady_state()["K"] / 4 * -torch.log1p(-draws).sum(0)


# %% [markdown]
# ## A calibration
#
# An instance is a calibration. What its equations say can be asked at once, without any solution.

# %%
economy = Skills(beta=0.98, alpha=0.36, delta=0.025, rho=0.95, sd=0.4, productivity=[0.99, 1.01], stay=0.875)
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
