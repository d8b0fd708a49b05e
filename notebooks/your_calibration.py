# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 2. Your calibration
#
# Change the parameters of an economy, solve it again, and compare. It takes a minute or two on a CPU.

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
# ## What can be changed
#
# Every field of a solution's calibration is a parameter. Krusell-Smith is quarterly: a discount factor of 0.99 is 0.96
# a year.

# %%
solution = deepham.load("ks98")
solution.calibration

# %% [markdown]
# A value that makes no sense is one line, before anything is simulated.

# %%
try:
    deepham.solve("ks98", beta=1.01)
except deepham.InputError as error:
    print(error)

# %% [markdown]
# ## Solve
#
# Households that are less patient. `init_from="ks98"` starts from the solution that ships with the package, since
# neighbours have much in common. The settings make training and its verdict short: enough to see which way things go,
# and not enough to quote. Left out, it takes a minute or two and is more exact.

# %%
quick = [
    "algorithm.outer_iterations=3",
    "verdict.nodes=300",
    "verdict.burn_in=600",
    "verdict.periods=400",
    "verdict.dates=5",
]
impatient = deepham.solve("ks98", beta=0.985, init_from="ks98", overrides=quick, progress=False)
measures = impatient.meta["measures"]
print(f"mean Euler error {measures['euler.mean']:.4f} % of consumption")

# %% [markdown]
# ## Compare
#
# Both solutions answer the same questions.

# %%
for name, meaning in (("mean_K", "mean capital, goods"), ("gini", "Gini coefficient of wealth")):
    print(f"{meaning}: {measures[name]:.3f}, at beta 0.99 {solution.meta['measures'][name]:.3f}")

wealth = np.linspace(0, 60, 241)
figure, axes = plt.subplots(figsize=(7, 4))
for label, each in (("beta 0.99", solution), ("beta 0.985", impatient)):
    axes.plot(wealth, each.consumption(k=wealth, eps="employed", z="good"), label=label)
axes.set(xlabel="assets k, goods", ylabel="consumption, goods per quarter")
axes.legend()
plt.show()
# %%
responses = {
    "beta 0.99": solution.irf("good->bad", periods=40, draws=16),
    "beta 0.985": impatient.irf("good->bad", periods=40, draws=16),
}
deepham.plot_irf(responses, ["Y", "C", "K", "I"])

# %% [markdown]
# ## Keep it
#
# A saved solution is a folder of four small files, which hold numbers and no code.

# %%
folder = impatient.save("impatient", overwrite=True)
print(deepham.load(folder))

# %% [markdown]
# On the command line the same is `python scripts/train.py model.beta=0.985 init_from=ks98`, and `python
# scripts/report.py solution=impatient 'compare=[ks98]'` writes a report on both. Several calibrations at once, and
# parameters that have to change together: [calibrations](../docs/calibrations.md).
