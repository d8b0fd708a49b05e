# %% [markdown]
# # A first hour with deepham
#
# From a solved economy to a recession, and from there to an economy of your own. Run it cell by cell in an editor that
# knows `# %%`, or as a whole: `python docs/tutorial.py`. It takes about two minutes and writes its figures to the
# folder that it is run in.

# %%
import matplotlib.pyplot as plt
import numpy as np

import deepham

# %% [markdown]
# ## Load
#
# The economy of Krusell and Smith (1998) ships with the package, solved. A run of `scripts/train.py` is loaded in the
# same way, by its folder `checkpoints/<run>`.

# %%
solution = deepham.load("ks98")
print(solution.summary())

# %% [markdown]
# ## The policy
#
# A household has assets `k`, is employed or not (`eps`), and lives in good or bad times (`z`); it also cares for the
# cross-section of all households, since that moves prices. Left out, the cross-section is the average one in these times.

# %%
wealth = np.linspace(0, 60, 241)
for eps in ("unemployed", "employed"):
    for z in ("bad", "good"):
        plt.plot(wealth, solution.consumption(k=wealth, eps=eps, z=z), label=f"{eps}, {z} times")
plt.xlabel("assets k, goods")
plt.ylabel("consumption, goods per quarter")
plt.legend()
plt.savefig("policy.png")
plt.close()

# %% [markdown]
# How much of one more good does a household spend at once? Those without a buffer nearly all of it, most others the
# annuity of a percent.

# %%
assets = np.array([0.0, 1.0, 5.0, 40.0])
more = 0.01
for eps in ("unemployed", "employed"):
    spent = (solution.consumption(k=assets + more, eps=eps, z="bad") - solution.consumption(k=assets, eps=eps, z="bad"))
    earned = solution.resources(k=assets + more, eps=eps, z="bad") - solution.resources(k=assets, eps=eps, z="bad")
    shares = ", ".join(f"{share:.2f} at k = {k:g}" for k, share in zip(assets, spent / earned))
    print(f"marginal propensity to consume, {eps}: {shares}")

# %% [markdown]
# ## Is it right?
#
# `meta["measures"]` holds the verdict that was taken when the solution was made, `errors()` takes the errors afresh. The
# Euler error is in percent of consumption; docs/accuracy.md defines every measure. For distances to a conventional grid
# solution use `python scripts/evaluate.py` or the report below.

# %%
errors = solution.errors(dates=10, periods=500)
print(f"mean Euler error {errors['euler.mean']:.4f} %, of the worst hundredth {errors['euler.p99']:.3f} %")

# %% [markdown]
# ## Simulate
#
# The continuum has no sampling noise: only the aggregate state is random. A panel of a few hundred agents has. The result
# is an xarray Dataset with units and names, and one line away from pandas. With `histories=True` a panel also says what
# each household has, earns and does: here what a change of income does to consumption, on average and to the poorest.

# %%
economy = solution.simulate(periods=200, seed=1)
panel = solution.simulate(periods=200, seed=1, agents=200, histories=True)
change = np.log(panel[["income", "c"]]).diff("period")
poor = panel.k[..., :-1].values < panel.wealth_q10.values[:, None, :-1]
for who, where in (("all", np.ones_like(poor)), ("the poorest tenth", poor)):
    income, consumption = change.income.values[where], change.c.values[where]
    passed_on = np.cov(income, consumption)[0, 1] / income.var()
    print(f"one percent more income, percent more consumption, {who}: {passed_on:.3f}")
print(economy[["K", "Y", "C", "gini"]].to_dataframe().describe().round(3))
print("units of C:", economy.C.attrs["units"])
plt.plot(economy.period, economy.K[0], label="continuum")
plt.plot(panel.period, panel.K[0], label="200 agents, same aggregate shocks")
plt.xlabel("quarter")
plt.ylabel("capital K, goods")
plt.legend()
plt.savefig("simulation.png")
plt.close()

# %% [markdown]
# ## A recession
#
# What does one bad quarter do to an economy in good times? Two copies with the same luck, one difference, averaged over
# many pairs: a generalised impulse response.

# %%
recession = solution.irf("good->bad", periods=40, draws=60)
for name in ("Y", "C", "C_fifth1"):
    print(f"{recession[name].attrs['long_name']}: {float(recession[name][0]):.2f} % on impact, "
          f"standard error {float(recession[f'{name}_se'][0]):.3f}")
solution.plot_irf(recession, ("Y", "C", "K", "C_fifth1", "C_fifth5", "gini")).savefig("recession.png")

# %% [markdown]
# Redistribution is a shock like any other: five percent of the wealth of the richest tenth to the poorest half.

# %%
transfer = solution.irf({"transfer": 0.05, "top": 0.1, "bottom": 0.5}, periods=8, draws=4)
print(f"consumption of the poorest fifth rises by {float(transfer.C_fifth1[0]):.2f} %, "
      f"the Gini coefficient falls by {-float(transfer.gini[0]):.1f} points")

# %% [markdown]
# ## Another economy
#
# Households that are less patient: `deepham.solve` trains with the default settings, which takes some minutes. Here it
# starts from the solution at hand and makes a few hundred updates only, enough to see which way things go and too few to
# quote. Everything that can be changed is a field of the calibration, `solution.calibration`.

# %%
quick = ["algorithm.outer_iterations=4", "algorithm.policy_steps=250", "verdict.nodes=500", "verdict.burn_in=2000",
         "verdict.periods=1000", "verdict.dates=10"]
impatient = deepham.solve("ks98", beta=0.985, init_from="ks98", overrides=quick)
print(f"mean Euler error {impatient.meta['measures']['euler.mean']:.3f} %")
print(f"capital {impatient.meta['measures']['mean_K']:.1f} instead of {solution.meta['measures']['mean_K']:.1f}, "
      f"Gini {impatient.meta['measures']['gini']:.2f} instead of {solution.meta['measures']['gini']:.2f}")

# %% [markdown]
# ## Keep it, and show it
#
# A saved solution is a folder of four small files. The report lays it beside the first one: errors, moments of the
# business cycle, distributions, responses, welfare, on one page.

# %%
folder = impatient.save("impatient", overwrite=True)
print(deepham.load(folder))
print("python scripts/report.py solution=impatient compare=[ks98]")
