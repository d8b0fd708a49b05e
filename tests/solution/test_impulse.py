"""Impulse responses: Brock-Mirman's closed form, identities of the pairing, standard errors, and what is refused."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml
from untrained import make, refused

from deepham.economics.markov import JointChain
from deepham.economics.named_states import StateShock
from deepham.errors import InputError
from deepham.reference.settings import ReferenceSettings
from deepham.reference.store import find
from deepham.simulation.period import Panel, World
from deepham.simulation.population import Population
from deepham.solution import datasets, paired, solved
from deepham.solution.impulse import responses
from deepham.solution.loading import load
from deepham.solution.paired import Draws, simulate_pairs
from deepham.solution.shocks import Transfer, read_shock
from deepham.system.paths import conf_folder


@pytest.fixture(scope="module")
def ks():
    return make("ks98")


@pytest.fixture(scope="module")
def brock():
    return make("brock_mirman")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# -- known answers ---------------------------------------------------------------------------------------------------


@pytest.fixture
def bm_starts():
    """One cross-section of two unequal households, reached from the good state, and one from the bad."""
    k = torch.tensor([[0.1, 0.3], [0.1, 0.3]], dtype=torch.float64)
    return Panel(Population.panel(k, torch.zeros(2, 2, dtype=torch.long)), torch.tensor([[0], [1]]))


def test_every_pair_follows_the_known_law_of_motion(bm, closed_form, bm_starts):
    """log K' = log(alpha beta z) + alpha log K in both copies, so that their distance is a known sum."""
    shock = StateShock(before=1, to=0, hold=1, baseline="drawn")
    drawn = simulate_pairs(World(bm, closed_form.policy), None, bm_starts, shock, 12, 50, 2, generator(0))
    gap = (drawn.shocked["K"] / drawn.baseline["K"]).log()
    assert torch.all(gap[:, 0] == 0), "capital is given when the shock comes"
    step = (drawn.shocked["Y"] / drawn.baseline["Y"]).log()
    torch.testing.assert_close(gap[:, 1:], step[:, :-1])  # a constant share of output is saved in both
    jump = torch.unique((100 * step[:, 0]).round())
    assert set(jump.tolist()) == {0.0, round(100 * math.log(0.9 / 1.1))}, "no gap where the baseline turns bad, too"


def test_the_mean_response_of_output_on_impact_is_the_exact_one(bm, closed_form, bm_starts):
    """K is equal on impact: (z_bad - E[z given good]) / E[z given good], which no draw gives by itself."""
    shock = StateShock(1, 0, 1, "drawn")
    result = responses(
        bm, simulate_pairs(World(bm, closed_form.policy), None, bm_starts, shock, 5, 40, 2, generator(0))
    )
    mean = 0.8 * 1.1 + 0.2 * 0.9
    assert result["Y"][0][0] == pytest.approx(100 * (0.9 / mean - 1), abs=1e-9)
    assert result["Y_se"][0][0] < 1e-9 and result["K"][0][0] == 0
    forced = responses(
        bm,
        simulate_pairs(
            World(bm, closed_form.policy), None, bm_starts, StateShock(1, 0, 1, "forced"), 5, 40, 2, generator(0)
        ),
    )
    assert forced["Y"][0][0] == pytest.approx(100 * (0.9 / 1.1 - 1), abs=1e-9)


@pytest.mark.parametrize(
    "shock", [StateShock(1, 0, 1, "drawn"), StateShock(1, 0, 4, "drawn"), StateShock(0, 1, 1, "forced")]
)
def test_the_probability_of_being_apart_is_that_of_the_paths(ks98, shock):
    z = torch.full((40_000, 1), shock.before)
    shocked, baseline = shock.paths(ks98.chain, z, 9, generator(1))
    assert torch.all(shocked[:, : shock.hold] == shock.to)
    assert shock.baseline == "drawn" or torch.all(baseline[:, 0] == shock.before)
    differ = (shocked != baseline)[..., 0].double()
    torch.testing.assert_close(
        differ.mean(0), shock.apart(ks98.chain.aggregate, z, 9), rtol=0, atol=0.01
    )  # four standard errors
    assert torch.all(differ[:, shock.hold - 1 :].diff(dim=1) <= 0), "copies that have met stay together"


def test_three_states_and_a_start_in_either(bm):
    """Probabilities from the intervals that one uniform draw falls into, for both copies."""
    bm.chain = JointChain([[0.5, 0.3, 0.2], [0.25, 0.5, 0.25], [0.1, 0.3, 0.6]], n_z=3, n_eps=1)
    shock, z = StateShock(None, 0, 1, "drawn"), torch.arange(3).repeat(20_000)[:, None]
    shocked, baseline = shock.paths(bm.chain, z, 6, generator(2))
    torch.testing.assert_close(
        (shocked != baseline)[..., 0].double().mean(0), shock.apart(bm.chain.aggregate, z, 6), rtol=0, atol=0.01
    )


@pytest.mark.parametrize("hold, draws", [(1, 60), (1, 7), (3, 40), (30, 10)])
def test_the_strata_have_their_exact_probabilities(bm, closed_form, bm_starts, hold, draws):
    shock = StateShock(1, 0, hold, "drawn")
    drawn = simulate_pairs(World(bm, closed_form.policy), None, bm_starts, shock, 8, draws, 2, generator(0))
    assert float(drawn.weight.sum()) == pytest.approx(1) and abs(len(drawn.weight) - draws) <= 4
    apart = (drawn.shocked["Y"] != drawn.baseline["Y"]).double()
    if hold == 1 and draws == 60:  # strata are fine enough for the share of copies that differ to be the exact one
        share = [(drawn.weight * (drawn.stratum > t)).sum() for t in range(7)]
        torch.testing.assert_close(
            torch.stack(share), shock.apart(bm.chain.aggregate, torch.ones(1, 1, dtype=torch.long), 8)[:7]
        )
    assert bool((apart[:, 0] > 0).any())
    for index in drawn.stratum.unique():
        assert int((drawn.stratum == index).sum()) >= 2, "a stratum of one draw has no variance"


@pytest.mark.slow
def test_the_standard_error_is_the_scatter_over_seeds(bm, closed_form, bm_starts):
    shock = StateShock(1, 0, 1, "drawn")
    runs = [
        responses(bm, simulate_pairs(World(bm, closed_form.policy), None, bm_starts, shock, 8, 40, 2, generator(seed)))
        for seed in range(60)
    ]
    for name, t in (("K", 3), ("K", 7), ("Y", 4), ("C", 6)):
        scatter = np.std([run[name][0][t] for run in runs], ddof=1)
        stated = np.sqrt(np.mean([run[f"{name}_se"][0][t] ** 2 for run in runs]))
        assert 0.7 < scatter / stated < 1.4, (name, t)


def drawn(ks98, shocked, baseline, name="unemployment", **options):
    copies = ({name: torch.tensor(values, dtype=torch.float64)[:, None]} for values in (shocked, baseline))
    return responses(ks98, Draws(*copies, **options))


def test_the_standard_error_of_a_stratified_mean_in_closed_form(ks98):
    """sum of W^2 s^2/n over the strata: of two draws s^2 is 2, of three it is 9, in hundredths of a share."""
    gaps = [0.01, 0.03, 0.0, 0.03, 0.06]
    found = drawn(
        ks98,
        gaps,
        [0.0] * 5,
        stratum=torch.tensor([0, 0, 1, 1, 1]),
        weight=torch.tensor([0.2, 0.2, 0.2, 0.2, 0.2], dtype=torch.float64),
    )
    assert float(found["unemployment"][0][0]) == pytest.approx(2.6)
    assert float(found["unemployment_se"][0][0]) == pytest.approx(math.sqrt(0.4**2 * 2 / 2 + 0.6**2 * 9 / 3))


def test_the_standard_error_of_a_percentage_counts_what_it_is_a_percentage_of(ks98):
    """5 % of a baseline of 1 or 3, where the draws gain 0.2 and nothing: they are off by +-0.15, of a mean of 2."""
    found = drawn(ks98, [1.2, 3.0], [1.0, 3.0], "K", stratum=torch.zeros(2), weight=torch.full((2,), 0.5).double())
    assert float(found["K"][0][0]) == pytest.approx(5)
    assert float(found["K_se"][0][0]) == pytest.approx(100 * 0.15 / 2)


def test_bands_count_draws_by_their_weights(ks98):
    found = drawn(
        ks98,
        [0.03, 0.01, 0.02],
        [0.0] * 3,
        stratum=torch.zeros(3),
        weight=torch.tensor([0.1, 0.8, 0.1], dtype=torch.float64),
    )
    bands = [float(found[f"unemployment_q{level}"][0][0]) for level in ("05", "25", "75", "95")]
    assert bands == pytest.approx([1, 1, 1, 3])


def test_less_debt_is_a_rise_in_percent_of_what_was_owed(ks98):
    found = drawn(
        ks98, [-1.8, -1.7], [-2.0, -2.0], "wealth_q01", stratum=torch.zeros(2), weight=torch.full((2,), 0.5).double()
    )
    assert float(found["wealth_q01"][0][0]) == pytest.approx(12.5)
    assert float(found["wealth_q01_se"][0][0]) == pytest.approx(2.5)
    assert found["wealth_q01_q05"][0] <= found["wealth_q01_q95"][0]


@pytest.mark.parametrize(
    "shock, could_differ", [(StateShock(1, 0, 1, "drawn"), True), (StateShock(1, 1, 1, "forced"), False)]
)
def test_one_draw_without_a_difference_says_whether_more_draws_would_help(
    bm, closed_form, bm_starts, shock, could_differ
):
    said = set()
    for seed in range(30):
        try:
            responses(
                bm, simulate_pairs(World(bm, closed_form.policy), None, bm_starts, shock, 3, 1, 2, generator(seed))
            )
            said.add("a response")
        except InputError as error:
            said.add(str(error).rsplit("; ", 1)[1])
    assert said == (
        {"a response", "expected more draws"} if could_differ else {"expected a shock that changes something"}
    )


def test_strata_take_out_most_of_the_noise_and_none_of_the_mean(bm, closed_form, bm_starts):
    """Against the same number of independent pairs."""
    shock, draws = StateShock(1, 0, 1, "drawn"), 400
    drawn = simulate_pairs(World(bm, closed_form.policy), None, bm_starts, shock, 8, draws, 2, generator(0))
    stratified = responses(bm, drawn)
    z = torch.ones(draws, 1, dtype=torch.long)
    begin = bm_starts.select(z[:, 0])
    plain = {}
    for copy, path in zip(("shocked", "baseline"), shock.paths(bm.chain, z, 8, generator(5))):
        series = datasets.record(
            World(bm, closed_form.policy), begin, torch.cat([z[:, None], path], 1), None, generator(0)
        ).series
        plain[copy] = {name: each[:, 1:] for name, each in series.items()}
    independent = responses(
        bm,
        Draws(
            **plain,
            stratum=torch.zeros_like(z[:, 0]),
            weight=torch.full((draws,), 1 / draws, dtype=torch.float64),
            resource_gap=0.0,
        ),
    )
    for name in ("K", "Y", "C"):
        for t in (2, 5):
            assert stratified[f"{name}_se"][0][t] < independent[f"{name}_se"][0][t] / 3
            distance = abs(stratified[name][0][t] - independent[name][0][t])
            assert distance < 4 * independent[f"{name}_se"][0][t]


def test_a_transfer_moves_wealth_and_leaves_its_sum(seeded):
    k = 50 * torch.rand((3, 400), generator=seeded(1), dtype=torch.float64)
    before = Population.panel(k, torch.zeros(3, 400, dtype=torch.long))
    after = Transfer(0.2, top=0.1, bottom=0.5, before=None).apply(before)
    torch.testing.assert_close(after.mean(after.k), before.mean(before.k))
    for b in range(3):
        order = k[b].argsort()
        torch.testing.assert_close(after.k[b, order[-40:]], 0.8 * k[b, order[-40:]])
        gain = after.k[b, order[:200]] - k[b, order[:200]]
        assert float(gain.std()) < 1e-9 and float(gain.min()) > 0
        assert torch.equal(after.k[b, order[200:-40]], k[b, order[200:-40]])


def test_households_of_one_wealth_receive_alike():
    """Six in ten hold nothing, whose middle is at 30 %: they are among the poorest half, all of them or none."""
    before = Population(
        torch.tensor([[0.0, 50.0, 0.0, 10.0]]).double(),
        torch.tensor([[0, 1, 1, 1]]),
        torch.tensor([[0.3, 0.1, 0.3, 0.3]]).double(),
    )
    after = Transfer(0.2, top=0.1, bottom=0.5, before=None).apply(before)
    assert after.k[0].tolist() == pytest.approx([1 / 0.6, 40.0, 1 / 0.6, 10.0])
    with pytest.raises(InputError, match="nobody is among the poorest 0.2"):
        Transfer(0.2, top=0.1, bottom=0.2, before=None).apply(before)


# -- through a solution ----------------------------------------------------------------------------------------------


def test_a_response_has_its_units_errors_and_bands(ks):
    found = ks.irf("good->bad", periods=6, draws=24, seed=1)
    assert dict(found.sizes) == {"period": 6} and found.attrs["shock"] == "good->bad"
    for name in ("K", "Y", "C", "I", "r", "w", "unemployment", "gini", "C_fifth1", "C_fifth5", "top10_share"):
        for suffix in ("", "_se", "_q05", "_q25", "_q75", "_q95"):
            assert np.isfinite(found[name + suffix]).all() and found[name + suffix].attrs["units"]
        assert (found[f"{name}_q05"] <= found[f"{name}_q95"]).all()
    assert found.Y.attrs["units"] == "percent of baseline" and found.r.attrs["units"] == "percentage points"
    assert abs(float(found.K[0])) < 1e-12 and -8 < float(found.Y[0]) < -4
    # unemployment is .10 when bad and .04 when good: 6 points where the baseline stays good, with probability .875
    assert float(found.unemployment[0]) == pytest.approx(100 * 0.875 * 0.06, abs=0.15)


def test_the_same_call_gives_the_same_response_and_another_seed_another(ks):
    first, again, other = (ks.irf("any->bad", periods=4, draws=8, seed=seed) for seed in (1, 1, 2))
    assert first.identical(again) and not first.equals(other)


def test_starting_points_are_simulated_once_for_a_seed(ks, monkeypatch):
    """What is kept changes no number: not the starts, and not what is drawn after them."""
    simulated = []
    with monkeypatch.context() as patch:
        patch.setattr(ks, "_starts", {})
        patch.setattr(solved, "MOST_STARTS", 2)
        made = paired.ergodic_starts
        patch.setattr(paired, "ergodic_starts", lambda *of: simulated.append(1) or made(*of))
        first, other = (ks.irf("any->bad", periods=3, draws=8, seed=seed) for seed in (1, 2))
        assert ks.irf("any->bad", periods=3, draws=8, seed=1).identical(first) and len(simulated) == 2
        panel = ks.irf("any->bad", periods=3, draws=8, seed=2, agents=20)
        for seed in (3, 4):
            ks.irf("good->bad", periods=1, draws=2, seed=seed)
        assert list(ks._starts) == [3, 4]
        assert ks.irf("any->bad", periods=3, draws=8, seed=2).identical(other), "simulated again"
        ks._starts.clear()
        assert ks.irf("any->bad", periods=3, draws=8, seed=2, agents=20).identical(panel)
    fresh = ks._generator(1)
    kept = ks._ergodic_starts(1, ks._generator(1))
    assert all(map(torch.equal, kept.tensors(), paired.ergodic_starts(ks, fresh).tensors()))


def test_a_panel_answers_like_the_continuum_with_more_noise(ks):
    continuum = ks.irf("good->bad", periods=3, draws=40, seed=1)
    panel = ks.irf("good->bad", periods=3, draws=40, seed=1, agents=400)
    assert abs(float(panel.Y[0] - continuum.Y[0])) < 0.3
    assert float(panel.K[1]) == pytest.approx(float(continuum.K[1]), abs=4 * float(panel.K_se[1]) + 0.05)


def test_transfers_raise_consumption_of_the_poor_and_lower_inequality(ks):
    found = ks.irf({"transfer": 0.1, "top": 0.2, "bottom": 0.5}, periods=3, draws=4)
    assert float(found.gini[0]) < -1 and float(found.C_fifth1[0]) > 0 > float(found.C_fifth5[0])
    assert abs(float(found.K[0])) < 1e-6


def test_a_given_start_is_where_both_copies_come_from(ks):
    poor = {"k": np.array([5.0, 10.0]), "eps": np.array([0, 1]), "weight": np.array([0.04, 0.96])}
    kept = ks.irf("good->bad", periods=2, draws=6, start=poor, keep_draws=True)
    assert dict(kept.sizes) == {"period": 2, "draw": 6} and float(kept.weight.sum()) == pytest.approx(1)
    mean = (kept.weight * (kept.Y_shocked - kept.Y_baseline)).sum("draw") / (kept.weight * kept.Y_baseline).sum("draw")
    np.testing.assert_allclose(kept.Y, 100 * mean, rtol=1e-12)
    assert np.allclose(kept.K_shocked[:, 0], kept.K_baseline[:, 0]) and float(kept.K_shocked[0, 0]) < 15


def test_one_draw_has_a_response_and_no_standard_error(ks):
    found = ks.irf("good->bad", periods=2, draws=1, seed=3)
    assert np.isfinite(found.Y).all() and np.isnan(found.Y_se).all()


def test_the_figure_shows_every_variable_with_its_bands(ks):
    figure = ks.plot_irf("good->bad", ("Y", "K", "gini", "C"), periods=5, draws=6)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == 4 and all(len(axes.collections) == 2 and axes.get_ylabel() for axes in shown)
    assert len(shown[0].lines[0].get_ydata()) == 5


def test_an_economy_without_names_and_with_one_individual_state(brock):
    assert float(brock.irf("good->bad", periods=2, draws=4).Y[0]) < 0


@pytest.mark.parametrize(
    "call, words",
    [
        ({"shock": "good->awful"}, ("awful", "bad, good")),
        ({"shock": "fine->bad"}, ("fine", "bad, good, any")),
        ({"shock": "good"}, ("shock", "good->bad")),
        ({"shock": 3}, ("shock", "good->bad")),
        ({"shock": "good->any"}, ("any", "bad, good")),
        ({"shock": "good->bad", "periods": 0}, ("periods", "at least 1")),
        ({"shock": "good->bad", "draws": 0}, ("draws", "at least 1")),
        ({"shock": "good->bad", "agents": 0}, ("agents",)),
        ({"shock": "good->bad", "hold": 0}, ("hold",)),
        ({"shock": "good->bad", "baseline": "held"}, ("baseline", "forced")),
        ({"shock": {"transfer": 0.1}, "baseline": np.ones(2)}, ("baseline", "forced")),
        ({"shock": {"transfer": 0.1, "after": np.ones(2)}}, ("no state", "any")),
        ({"shock": "good->bad", "keep_draws": np.ones(2)}, ("keep_draws", "True or False")),
        ({"shock": {"transfer": 1.5}}, ("transfer", "between 0 and 1")),
        ({"shock": {"gift": 0.1}}, ("shock", "transfer")),
        ({"shock": {"transfer": 0.1, "top": 0.6, "bottom": 0.6}}, ("overlap",)),
        (
            {"shock": "good->bad", "start": {"k": [1.0, 2.0], "eps": [0, 1], "weight": [-0.5, 1.5]}},
            ("weight", "at least 0"),
        ),
        ({"shock": "good->good", "baseline": "forced", "draws": 3, "periods": 2}, ("exactly zero", "every draw")),
    ],
)
def test_what_is_refused_in_one_line(ks, call, words):
    refused(lambda: ks.irf(**call), *words)


def test_unknown_variables_of_a_figure_are_named(ks):
    for variables in (("Y", "GDP"), ("K_se",), ("period",), 3, (), "Y", [["Y"]]):
        refused(lambda: ks.plot_irf("good->bad", variables, periods=2, draws=3), "variables", "C")


def test_a_transfer_that_nobody_would_receive_is_refused(ks):
    """Half of all hold the least there is: nobody belongs to the poorest hundredth, and what is taken would be lost."""
    start = {"k": [10.0, 10.0, 40.0], "eps": [0, 1, 1], "weight": [0.04, 0.46, 0.5]}
    refused(
        lambda: ks.irf({"transfer": 0.1, "top": 0.5, "bottom": 0.01}, periods=2, draws=2, start=start),
        "bottom",
        "larger",
    )


def test_shocks_are_read(ks):
    assert read_shock(ks.economy, " any -> bad", 2, "forced") == StateShock(None, 0, 2, "forced")
    assert read_shock(ks.economy, {"transfer": 0.1, "after": "good"}, 1, "drawn") == Transfer(0.1, 0.1, 0.5, 1)
    with pytest.raises(InputError):
        read_shock(ks.economy, {"transfer": 0.1, "after": "nice"}, 1, "drawn")


@pytest.mark.slow
def test_the_shipped_solution_responds_like_the_grid_solution_on_the_same_draws():
    solution = load("ks98")
    economy, grid = solution.economy, solution.grid
    settings = yaml.safe_load((conf_folder() / "reference/standard.yaml").read_text(encoding="utf-8"))
    reference = find("ks98", economy, ReferenceSettings(**settings), store=None)
    starts = paired.ergodic_starts(solution, generator(0))
    shock = read_shock(economy, "good->bad", 1, "drawn")
    ours, theirs = (
        responses(economy, simulate_pairs(World(economy, policy), grid, starts, shock, 16, 16, None, generator(1)))
        for policy in (solution.policy_function, reference.policy_function.on_histogram(grid))
    )
    for name in ("Y", "C", "K", "I", "r", "w"):
        assert abs(ours[name][0] - theirs[name][0]).max() < 0.05, name  # percentage points, at every horizon
    assert ours["Y"][0][0] == pytest.approx(-5.2, abs=0.1) and ours["C"][0][0] == pytest.approx(-0.68, abs=0.03)
    assert 6 <= int(ours["K"][0].argmin()) <= 10, "capital troughs near quarter 8"


def test_starts_are_eighty_periods_on_from_the_mean(ks):
    """As `irf` says of start=None."""
    asked = []

    def counted(seen):
        asked.append(len(seen.z))
        return ks.policy_function(seen)

    copy = SimpleNamespace(economy=ks.economy, grid=ks.grid, z=ks.z, begin=ks.begin, world=World(ks.economy, counted))
    starts = paired.ergodic_starts(copy, generator(0))
    assert asked == [64] * 80 and len(starts.z) == 64
