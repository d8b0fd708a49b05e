# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 5. Estimate
#
# From a CSV file of data to the table of a paper. One training solves an economy at every calibration of a box; an
# estimation then looks for the one whose moments are nearest to those of the data. The economy is that of Brock and
# Mirman (1972), which takes a minute; every other one goes the same way.

# %% tags=["install"]
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("deepham") is None:  # as in Colab
    source = "deepham[estimate] @ git+https://github.com/OWNER/deepham"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)

# %%
import numpy as np
import pandas as pd

import deepham

# %% [markdown]
# ## Data
#
# Two hundred periods of output and of the return on capital. Here they come from the model's closed form, K' = alpha
# beta Y, so that we know what we should find: beta 0.91 and alpha 0.33. Your own file has dates and columns by the
# names of the model's variables.

# %%
beta, alpha, luck = 0.91, 0.33, np.random.default_rng(1)
z, log_k, rows = 0, 0.0, []
for _ in range(300):
    z = z if luck.random() < 0.8 else 1 - z
    log_y = np.log((0.9, 1.1)[z]) + alpha * log_k
    rows.append({"Y": np.exp(log_y), "r": 100 * (alpha * np.exp(log_y - log_k) - 1)})
    log_k = np.log(alpha * beta) + log_y
pd.DataFrame(rows[100:]).to_csv("data.csv", index_label="row")
pd.read_csv("data.csv").head()

# %% [markdown]
# ## One training for a box of calibrations
#
# Wider than what you expect. What an estimate can be is inside of it.

# %%
quick = [
    "algorithm=euler_newton",
    "algorithm.outer_iterations=8",
    "algorithm.policy_steps=4",
    "algorithm.calibrations=8",
    "algorithm.newton.economies=16",
    "verdict.nodes=100",
    "verdict.burn_in=100",
    "verdict.periods=200",
]
box = deepham.solve("brock_mirman", vary={"beta": [0.85, 0.95], "alpha": [0.25, 0.45]}, overrides=quick, progress=False)
box

# %% [markdown]
# ## Estimate
#
# A list of moments that the data have. With `method="posterior"` parameters are drawn as well, given the moments.

# %%
found = deepham.estimate(box, ["mean.r", "sd.Y", "autocorrelation.Y"], series="data.csv", method="posterior", points=8)
print(found.summary())

# %%
found.plot_posterior()

# %% [markdown]
# Which moments an estimate hangs on: the change of each estimate, in its standard errors, if a moment of the data were
# one standard error larger.

# %%
found.plot_sensitivity()

# %% [markdown]
# ## What data do not say
#
# Every estimation gives numbers; which of them mean anything is another matter. How much output moves, and for how
# long, says nothing of patience here. A direction in which the criterion is flat is named, and so is an estimate that
# runs to an edge of the box.

# %%
weak = deepham.estimate(box, ["autocorrelation.Y", "sd.Y"], series="data.csv", points=8)
print(weak.summary())

# %% [markdown]
# ## The table of a paper
#
# Tables in LaTeX, markdown and CSV at full precision, and the figures, in one folder.

# %%
folder = found.save("my-estimate")
print((folder / "parameters.tex").read_text())

# %% [markdown]
# On the command line the same is `python scripts/train.py model=brock_mirman
# 'vary={beta:[0.85,0.95],alpha:[0.25,0.45]}' run=box` and `python scripts/estimate.py solution=checkpoints/box
# data=data.csv 'moments=[mean.r,sd.Y,autocorrelation.Y]'`. More on [estimation](../docs/estimation.md).
