# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 1. A first hour
#
# Load a solved economy, look at its policy, simulate it, and ask what a recession does to it. Everything here takes
# about a minute on a CPU.

# %% tags=["install"]
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("deepham") is None:  # as in Colab
    source = "deepham @ git+https://github.com/OWNER/deepham"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)

# %%
import matplotlib.pyplot as plt
import numpy as np

import deepham

# %% [markdown]
# ## Load
#
# The economy of Krusell and Smith (1998) comes with the package, solved. A run of `scripts/train.py` is loaded in the
# same way, by its folder `checkpoints/<run>`.

# %%
solution = deepham.load("ks98")
solution

# %% [markdown]
# ## Look
#
# A household has assets `k`, is employed or not (`eps`), and lives in good or bad times (`z`). It also cares about the
# cross-section of all households, since that moves prices. If you leave the cross-section out, it is the average one
# in these times.

# %%
wealth = np.linspace(0, 60, 241)
figure, axes = plt.subplots(figsize=(7, 4))
for eps in ("unemployed", "employed"):
    for z in ("bad", "good"):
        axes.plot(wealth, solution.consumption(k=wealth, eps=eps, z=z), label=f"{eps}, {z} times")
axes.set(xlabel="assets k, goods", ylabel="consumption, goods per quarter")
axes.legend()
plt.show()
# %% [markdown]
# How much of one more good does a household spend at once? Those without a buffer spend nearly all of it. Most others
# spend about one percent of it in a quarter, its annuity.

# %%
assets, more = np.array([0.0, 1.0, 5.0, 40.0]), 0.01
for eps in ("unemployed", "employed"):
    before, after = ({"k": assets + gift, "eps": eps, "z": "bad"} for gift in (0.0, more))
    spent = solution.consumption(**after) - solution.consumption(**before)
    had = solution.resources(**after) - solution.resources(**before)
    shares = ", ".join(f"{share:.2f} at k = {k:g}" for k, share in zip(assets, spent / had))
    print(f"marginal propensity to consume, {eps}: {shares}")

# %% [markdown]
# ## Simulate
#
# Without `agents` a simulation follows the continuum of households, in which only the aggregate state is random. With
# `agents=200` it is a panel of 200, on the same aggregate shocks. The result is an xarray Dataset with names and
# units, one line away from pandas.

# %%
economy = solution.simulate(periods=200, seed=1)
panel = solution.simulate(periods=200, seed=1, agents=200, histories=True)
economy[["K", "Y", "C", "gini"]].to_dataframe().describe().round(3)

# %%
figure, axes = plt.subplots(figsize=(7, 4))
axes.plot(economy.period, economy.K[0], label="continuum")
axes.plot(panel.period, panel.K[0], label="200 households, same aggregate shocks")
axes.set(xlabel="quarter", ylabel="capital K, goods")
axes.legend()
plt.show()
# %% [markdown]
# With `histories=True` a panel also says what each household has, earns and does. Here: by how many percent
# consumption rises when income rises by one percent, for all and for the poorest tenth.

# %%
change = np.log(panel[["income", "c"]]).diff("period")
poor = panel.k[..., :-1].values < panel.wealth_q10.values[:, None, :-1]
for who, where in (("all", np.ones_like(poor)), ("the poorest tenth", poor)):
    income, consumption = change.income.values[where], change.c.values[where]
    print(f"{who}: {np.cov(income, consumption)[0, 1] / income.var():.3f} percent")
print("units of C:", economy.C.attrs["units"])

# %% [markdown]
# ## Respond
#
# What does one bad quarter do to an economy in good times? Two copies of the economy have the same luck but for that
# quarter. The response is their difference, averaged over many pairs: a generalised impulse response.

# %%
recession = solution.irf("good->bad", periods=40, draws=40)
for name in ("Y", "C", "C_fifth1"):
    impact, error = float(recession[name][0]), float(recession[f"{name}_se"][0])
    print(f"{recession[name].attrs['long_name']}: {impact:.2f} % on impact, standard error {error:.3f}")
solution.plot_irf(recession, ("Y", "C", "K", "C_fifth1", "C_fifth5", "gini"))

# %% [markdown]
# Redistribution is a shock like any other: five percent of the wealth of the richest tenth, given to the poorest half.

# %%
transfer = solution.irf({"transfer": 0.05, "top": 0.1, "bottom": 0.5}, periods=8, draws=4)
print(
    f"consumption of the poorest fifth rises by {float(transfer.C_fifth1[0]):.2f} %, "
    f"the Gini coefficient falls by {-float(transfer.gini[0]):.1f} points"
)

# %% [markdown]
# ## Where to go
#
# - Another calibration: the notebook [your calibration](your_calibration.ipynb).
# - Other equations: the notebook [your economy](your_economy.ipynb).
# - How far to trust all this: the notebook [what to trust](what_to_trust.ipynb).
# - Everything a solution answers: [working with a solution](../docs/solutions.md).
