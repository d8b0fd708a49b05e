# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 6. Sticky prices and a Taylor rule
#
# A HANK economy with aggregate risk, solved globally: sticky prices, one asset, and a central bank that sets a nominal
# rate. It is the one-asset example of sequence-jacobian, whose linear responses are known. A quarter a period. Training
# takes a few minutes on a CPU.

# %% tags=["install"]
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("deepham") is None:  # as in Colab
    source = "deepham @ git+https://github.com/OWNER/deepham"
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", source], check=True)

# %%
import matplotlib.pyplot as plt

import deepham

# %% [markdown]
# ## Solve it
#
# Inflation looks ahead: firms set prices by the Phillips curve, which asks for tomorrow's inflation. So inflation is a
# network of its own, and one Newton step solves the households' Euler equation and the Phillips curve. The wage and
# labour clear the two markets in every quarter. Training is shorter here than by default, and so is the path on which
# errors are measured.

# %%
short = ["algorithm.outer_iterations=25", "algorithm.newton.outlook_updates=24", "algorithm.newton.value_updates=48"]
short += ["algorithm.newton.settling=32", "verdict.burn_in=100", "verdict.periods=200"]
solution = deepham.solve("hank", overrides=short, progress=False)
measures = solution.meta["measures"]
print(f"mean Euler error {measures['euler.mean']:.3f} % of consumption")
print(f"Phillips curve missed by {measures['condition.pi.mean']:.2f} basis points of annual inflation on average")
print(f"excess demand at most {measures['clearing.max']:.1e} % of income")

# %% [markdown]
# ## A cut of the rate, and a rise
#
# The intercept of the rule, `rstar`, falls by 25 basis points in a quarter, or rises by as much. Households go on
# expecting shocks in all quarters. The linear response of output at impact, by sequence-jacobian, is 0.191 % up or
# down, and that of inflation 0.173 points a quarter.

# %%
cut, rise = (
    solution.irf({"rstar": size}, unit="level", periods=16, draws=8, baseline="forced") for size in (-0.0025, 0.0025)
)
deepham.plot_irf({"a cut": cut, "a rise": rise}, ["Y", "C", "pi", "r"])

# %%
for name, linear in (("Y", 0.1908), ("pi", 0.1726)):
    down, up = float(cut[name][0]), float(rise[name][0])
    print(
        f"{name}: a cut {down:+.4f}, a rise {up:+.4f}, half the difference {(down - up) / 2:.4f}, linear {linear:.4f}"
    )

# %% [markdown]
# A cut raises output by more than a rise lowers it. A linear method cannot say so. Half the difference of the two has
# no such part, and is close to the linear response.
#
# ## The long run
#
# Inflation and the nominal rate as they are in the long run, with both shocks.

# %%
path = solution.simulate(periods=400, economies=2, seed=1)
later = path.isel(period=slice(100, None))
for name in ("pi", "i", "r", "Y"):
    print(f"{name}: mean {float(later[name].mean()):.3f}, standard deviation {float(later[name].std()):.3f}")

figure, axes = plt.subplots(figsize=(7, 3))
for name, label in (("pi", "inflation"), ("i", "nominal rate")):
    axes.plot(4 * later[name][0], label=label)
axes.set(xlabel="quarters", ylabel="percent a year")
axes.legend()
plt.show()

# %% [markdown]
# How exact all of this is, the responses to smaller shocks and responses by wealth and by the state of the economy:
# [hank](../docs/economies/hank.md).
