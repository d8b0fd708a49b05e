# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 4. What to trust
#
# A solution is worth what is known of its errors. This notebook looks at them in three ways: at the equations, against
# a grid, and over seeds. It takes a minute or two on a CPU.

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
import pandas as pd

import deepham

solution = deepham.load("ks98")
grid = deepham.solve_on_grid("ks98")  # the conventional solution, which ships with the package, too

# %% [markdown]
# ## 1. Errors at the equations
#
# The **Euler error** is the percentage by which consumption misses what the Euler equation asks for. The **Bellman
# error** is by how much the value function contradicts itself, in utils. Both are taken in the continuum, with
# expectations as sums over all states that can follow. So no sampling noise is in them.

# %%
names = ["euler.mean", "euler.p99", "euler.max", "bellman_policy.mean", "bellman_optimality.mean"]
solved = {"networks": solution, "grid": grid}
errors = {label: each.errors(dates=5, periods=200) for label, each in solved.items()}
pd.DataFrame(errors).loc[names].round(5)

# %% [markdown]
# A mean Euler error of 0.002 % is 4 cents a month to a household that spends 2,000 a month. The largest error is that
# of the very poor, at the kink where the borrowing limit begins to bind. Hardly anybody lives there.
#
# ## 2. Against a grid
#
# A small Euler error does not pin down where capital is. When households hardly mind having a little more or less
# (beta R is near one), small errors in the same direction add up over thousands of quarters. So both solutions follow
# the same shocks, each with its own policy.

# %%
here, there = (each.simulate(periods=800, economies=1, seed=3) for each in (solution, grid))
gap = 100 * (np.log(here.K[0]) - np.log(there.K[0]))
figure, (top, bottom) = plt.subplots(2, 1, figsize=(7, 5), sharex=True)
top.plot(here.period, here.K[0], label="networks")
top.plot(there.period, there.K[0], "--", label="grid")
top.set(ylabel="capital K, goods")
top.legend()
bottom.plot(here.period, gap)
bottom.set(xlabel="quarter", ylabel="gap, %")
plt.show()
print(f"mean gap {float(abs(gap).mean()):.3f} %, largest {float(abs(gap).max()):.3f} %")

# %% [markdown]
# The distribution is the last thing to become right. Look at its spread and not only at its mean.

# %%
moments = ["K", "wealth_sd", "gini", "wealth_q10", "wealth_q99"]
paths = {"networks": here, "grid": there}
means = {label: path[moments].isel(period=slice(300, None)).mean() for label, path in paths.items()}
pd.DataFrame({label: [float(mean[name]) for name in moments] for label, mean in means.items()}, moments).round(3)

# %% [markdown]
# ## 3. Over seeds
#
# How much of a result is the luck of training? Train with several seeds, and report the spread. These runs are far too
# short to quote: that is what makes the spread visible.

# %%
short = [
    "algorithm.outer_iterations=2",
    "verdict.nodes=200",
    "verdict.burn_in=300",
    "verdict.periods=300",
    "verdict.dates=3",
]
rows = {}
for seed in (1, 2, 3):
    run = deepham.solve("ks98", beta=0.985, init_from="ks98", seed=seed, overrides=short, progress=False)
    rows[f"seed {seed}"] = {name: run.meta["measures"][name] for name in ("euler.mean", "mean_K", "gini")}
table = pd.DataFrame(rows).T
table.loc["mean"], table.loc["sd"] = table.mean(), table.std()
table.round(4)

# %% [markdown]
# A difference between two calibrations that is not much larger than the spread over seeds is not a result.
#
# ## The verdict
#
# A run ends with all of these measures in one table, each beside the **bar** that it has to meet and the **goal** that
# it aims at. They are kept in `metrics.json` and in the solution:

# %%
pd.Series(solution.meta["measures"]).filter(regex="euler|gap|wealth_w1|gini").round(4)

# %% [markdown]
# [Accuracy](../docs/accuracy.md) defines every measure, says which ones mislead, and has twenty seeds of the default.
