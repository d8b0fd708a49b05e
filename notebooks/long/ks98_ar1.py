# ---
# jupyter:
#   jupytext:
#     text_representation:
#       format_name: percent
#   kernelspec:
#     name: python3
# ---

# %% [markdown]
# # The global response and the linear one
#
# Krusell and Smith (1998) with productivity an autoregression and incomes by Rouwenhorst, in the calibration that
# sequence-jacobian solves in its first example. That is a linear solution in sequence space: certainty equivalence in
# the aggregate, no aggregate risk. Here the same economy is solved globally, with the risk in it. A small shock has to
# give the same response; what is left is what linearization leaves out.
#
# Run it from the root of a checkout.

# %%
import json
from pathlib import Path

import numpy as np
import xarray
from matplotlib.figure import Figure

import deepham

known = json.loads(Path("tests/economics/ks98_ar1_linear.json").read_text())
known["source"]

# %% [markdown]
# ## Solve it
#
# 64 Newton steps on the Euler equation, a few minutes on one core. With 32, the default, the response is within 1.3 %
# of the linear peak.

# %%
solution = deepham.solve(
    "ks98_ar1",
    overrides=["algorithm.policy_steps=8", "algorithm.newton.households=160"],
)
print(solution)

# %% [markdown]
# Without aggregate risk capital is 3.1429 at the printed discount factor. Risk moves it little.

# %%
people = solution.distribution()
print(f"mean capital {(people.k * people.mass).sum():.4f}, without risk {known['steady']['K']:.4f}")
print(f"sd of wealth {np.sqrt((people.k**2 * people.mass).sum() - (people.k * people.mass).sum() ** 2):.3f}", end=", ")
print(f"without risk {known['wealth_sd']:.3f}")
print(f"mean propensity to consume {solution.mpc().attrs['mean']:.3f}", end=", ")
print(f"Gini of wealth {solution.lorenz().attrs['gini']:.3f}")

# %%
solution.plot_distribution()

# %%
solution.plot_policy()

# %% [markdown]
# ## One percent of productivity, persistence .9
#
# The baseline sees no innovation in the quarter of the shock, and the same luck as the shocked copy afterwards: the
# response is an average over what may come. The bands are those of its draws.

# %%
response = solution.irf({"Z": 1.0}, unit="percent", draws=40, baseline="forced")


def linear(template):
    """The linear response in the form of a response of ours, without bands."""
    names = {"r": "r (percentage points)"}
    path = {}
    for name in ("Y", "C", "I", "K", "r", "w"):
        values = np.array(known["linear"][names.get(name, name)])
        for suffix in ("", "_q05", "_q25", "_q75", "_q95", "_se"):
            path[name + suffix] = template[name + suffix].copy(data=values if suffix != "_se" else 0 * values)
    return xarray.Dataset(path, attrs={"title": template.attrs["title"]})


deepham.plot_irf({"global": response, "linear": linear(response)})

# %% [markdown]
# The distance to the linear path, percent of its peak.


# %%
def distances(found, size):
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    for axes, name in zip(figure.subplots(1, 2, sharey=True), ("K", "C")):
        path = np.array(known["linear"][name])
        for label, values in found.items():
            axes.plot(100 * (values[name] / size[label] - path) / np.abs(path).max(), label=label)
        axes.axhline(0, color="black", linewidth=0.6)
        axes.axhspan(-2, 2, color="0.92", zorder=0)
        axes.set(title=name, xlabel="quarters after the shock", ylabel="percent of the linear peak")
        axes.legend(frameon=False)
    return figure


falls = solution.irf({"Z": -1.0}, unit="percent", draws=40, baseline="forced")
large = solution.irf({"Z": 3.0}, unit="percent", draws=40, baseline="forced")
figure = distances({"+1 %": response, "-1 %": falls, "+3 %": large}, {"+1 %": 1.0, "-1 %": -1.0, "+3 %": 3.0})
figure.savefig("ks98_ar1.png", dpi=150)
for name in ("K", "C"):
    path = np.array(known["linear"][name])
    print(f"{name}: {100 * np.abs(response[name] - path).max() / np.abs(path).max():.2f} % of the peak at most")
