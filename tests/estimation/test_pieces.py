"""The pieces of an estimation, each against what is known of it without a model: names, data, covariance, inference."""

import numpy as np
import pandas as pd
import pytest
from untrained import refused

from deepham import economics
from deepham.algorithm import business_cycle
from deepham.estimation import data, moments, posterior, series
from deepham.estimation.inference import infer, interval, root_of
from deepham.estimation.moments import SeriesMoments
from deepham.estimation.surface import Surface


def paths(periods, seed=0, memory=0.9, number=1):
    """Positive Y and C (number, periods), and a rate r, that move together."""
    generator = np.random.default_rng(seed)
    luck = generator.standard_normal((2, number, periods + 300))
    state = np.zeros((2, number, periods + 300))
    for t in range(1, periods + 300):
        state[..., t] = memory * state[..., t - 1] + luck[..., t]
    y, c = state[..., 300:]
    return {"Y": np.exp(0.01 * y), "C": 0.7 * np.exp(0.005 * y + 0.003 * c), "r": 1 + 0.02 * y}


@pytest.mark.parametrize("trend", ["hp", "mean"])
def test_they_are_the_moments_that_reports_show(trend):
    economy, long = economics.create("ks98"), paths(20_000)
    names = [f"{statistic}.{one}" for statistic in business_cycle.STATISTICS for one in ("Y", "C", "r")]
    found = SeriesMoments(economy, moments.read(economy, names), trend)
    shown = business_cycle.moments(long, economy.variables, "quarter" if trend == "hp" else "")
    expected = {f"{statistic}.{one.name}": getattr(one, statistic) for one in shown for statistic in moments.STATISTICS
                if statistic != "ratio"}  # fmt: skip
    for name, value in zip(names, found(long)[0]):
        assert value == pytest.approx(expected[name], rel=2e-3), name
    (ratio,) = SeriesMoments(economy, moments.read(economy, ["ratio.C"]), trend)(long)[0]
    assert ratio == pytest.approx(long["C"].mean() / long["Y"].mean(), rel=1e-3)


def test_a_bootstrap_by_blocks_knows_how_much_samples_differ():
    economy = economics.create("ks98")
    names = ["mean.r", "sd.Y", "relative_sd.C", "correlation.C"]
    many = paths(300, memory=0.5, number=1500)
    found = SeriesMoments(economy, moments.read(economy, names), "mean")
    truth = np.cov(found(many), rowvar=False)
    errors = []
    for at in range(10):
        table = pd.DataFrame({name: values[at] for name, values in many.items()})
        read = data.read(economy, names, table, None, "mean")
        errors.append(np.diag(read.bootstrapped(1)))
    assert np.mean(errors, 0) == pytest.approx(np.diag(truth), rel=0.25)


@pytest.mark.parametrize(
    "names, words",
    [
        ("sd.Y", ("moments: expected names in a list", "'sd.Y'")),
        (["sd.y"], ("sd.y takes 'y'", "there is K, L, Y")),
        (["variance.Y"], ("there is no 'variance.Y'", "autocorrelation", "gini")),
        (["sd.Y", "sd.Y"], ("'sd.Y' twice",)),
        ({"gini": 0.3}, ("gini is of households", "(value, standard error)")),
        ({"gini": (0.3, 0.0)}, ("standard error of 'gini' has to be positive, got 0.0",)),
        ({"sd.Y": "high"}, ("of 'sd.Y' expected a number", "got 'high'")),
        ({"sd.Y": 1.7}, ("sd.Y is of series; how many periods", "periods=200")),
        (["sd.Y"], ("sd.Y has no value", "series=")),
    ],
)
def test_what_is_no_moment_is_refused_in_one_line(names, words):
    refused(lambda: data.read(economics.create("ks98"), names, None, None, None), *words)


def test_a_survey_tells_of_one_date_and_not_of_the_long_run():
    """To its own error comes what differs between dates, and moves with the series."""
    samples = np.random.default_rng(0).multivariate_normal([40, 0.3], [[1, 0.006], [0.006, 1e-4]], size=4000)
    economy = economics.create("ks98")
    found = data.read(economy, {"mean.K": 40.0, "gini": (0.3, 0.02)}, None, 200, None)
    covariance = data.covariance_of(found, "model", samples, 0)
    assert covariance == pytest.approx(np.array([[1, 0.006], [0.006, 1e-4 + 4e-4]]), rel=0.1)


def table(**changes):
    columns = {name: values[0] for name, values in paths(40).items()}
    return pd.DataFrame(columns | changes)


def dated(frequency, periods=40):
    return table().iloc[:periods].set_axis(pd.date_range("1984-01-01", periods=periods, freq=frequency))


@pytest.mark.parametrize(
    "given, words",
    [
        (table().drop(columns="C"), ("there is no column C; there is Y, r",)),
        (table().drop(index=3).reindex(range(40)), ("Y lacks 1 of 40 values, the first at 3",)),
        (table(C=-1.0), ("C is a quantity, of which logs are taken, and is not positive",)),
        (table(C="one"), ("C holds what are no numbers, such as 'one'",)),
        (table().iloc[:10], ("expected at least 20 periods, got 10",)),
        (dated("YS"), ("its rows are 365 days apart", "expected one row a quarter")),
        (dated("MS"), ("its rows are 31 days apart", "expected one row a quarter")),
        (dated("QS").drop(index="1986-04-01"), ("1986-01-01 is followed by 1986-07-01", "without gaps")),
        (table(date="soon"), ("the column date has to hold dates",)),
        ("nowhere.csv", ("nowhere.csv cannot be read",)),
        (3, ("expected a DataFrame or the name of a CSV file, got 3",)),
    ],
    ids=lambda value: value[0][:40] if isinstance(value, tuple) else "",
)
def test_data_that_do_not_fit_are_refused_in_one_line(given, words):
    refused(lambda: data.read(economics.create("ks98"), ["sd.Y", "sd.C"], given, None, None), "series", *words)


def test_dates_and_their_order_are_read_from_files(tmp_path):
    for dates in (
        pd.period_range("1984Q1", periods=40, freq="Q").astype(str),
        pd.date_range("1984", periods=40, freq="QS"),
    ):
        table(date=dates).to_csv(tmp_path / "my.csv", index=False)
        found = series.read(economics.create("ks98"), tmp_path / "my.csv", ["Y"])
        assert found["Y"] == pytest.approx(table()["Y"].to_numpy()[None])


def linear(moments=5, parameters=2, seed=0):
    """Derivatives and a covariance of moments in units that are far apart."""
    generator = np.random.default_rng(seed)
    scale = 10.0 ** np.arange(moments)
    slope = generator.standard_normal((moments, parameters)) * scale[:, None]
    half = generator.standard_normal((moments, 2 * moments)) * scale[:, None]
    return slope, half @ half.T * 1e-4, generator


@pytest.mark.parametrize("optimal", [True, False])
def test_in_a_linear_model_inference_is_exact(optimal):
    slope, omega, generator = linear()
    weights = np.linalg.inv(omega) if optimal else np.diag(1 / np.diag(omega))
    pull = np.linalg.inv(slope.T @ weights @ slope) @ slope.T @ weights
    gaps = generator.multivariate_normal(np.zeros(5), omega, size=4000)
    estimates = gaps @ pull.T
    found = [infer(slope, gap - slope @ estimate, weights, omega) for gap, estimate in zip(gaps, estimates)]
    assert found[0].covariance == pytest.approx(np.cov(estimates, rowvar=False), rel=0.1, abs=1e-4)
    assert found[0].df == 3 and np.mean([each.j for each in found]) == pytest.approx(3, abs=4 * (6 / 4000) ** 0.5)
    assert np.mean([each.p < 0.1 for each in found]) == pytest.approx(0.1, abs=4 * (0.09 / 4000) ** 0.5)
    # the estimate moves with a moment of the data as it is said to
    assert (gaps[0] + np.eye(5)) @ pull.T - estimates[0] == pytest.approx(found[0].sensitivity.T, rel=1e-6)


@pytest.mark.parametrize("middle", [0.5, 0.0])
def test_in_a_linear_model_the_posterior_is_normal_and_ends_where_the_box_does(middle):
    """Draws around the estimate have its covariance; at an edge half of a normal is left in that parameter."""
    pytest.importorskip("emcee")
    slope, omega, generator = linear()
    inner = infer(slope, np.zeros(5), np.linalg.inv(omega), omega).covariance
    omega = omega * (0.05**2 / np.diag(inner).max())  # well inside of the box
    points = generator.random((12, 2))
    at = np.array([middle, 0.5])
    drawn = posterior.draw(Surface(points, points @ slope.T), slope @ at, root_of(omega), at, seed=1)
    covariance = infer(slope, np.zeros(5), np.linalg.inv(omega), omega).covariance
    assert drawn.effective > 1000
    if middle:
        error = 4 * np.sqrt(np.diag(covariance) / drawn.effective)
        assert (np.abs(drawn.units.mean(0) - at) < error).all()
        assert np.cov(drawn.units, rowvar=False) == pytest.approx(covariance, rel=0.15, abs=0.05 * covariance.max())
    else:
        half = np.sqrt(covariance[0, 0]) * np.sqrt(2 / np.pi)
        assert drawn.units.min() >= 0 and drawn.units[:, 0].mean() == pytest.approx(half, rel=0.1)


def test_a_direction_in_which_no_moment_moves_is_found():
    slope, omega, _ = linear(parameters=2)
    slope = slope[:, :1] @ np.array([[3.0, 4.0, 0.0]]) + slope[:, 1:] @ np.array([[0.0, 0.0, 1e3]])
    found = infer(slope, np.zeros(5), np.linalg.inv(omega), omega)
    ((direction, error),) = found.weak
    assert np.abs(direction) == pytest.approx([0.8, 0.6, 0.0], abs=1e-6) and np.isinf(error)
    assert np.isinf(np.diag(found.covariance)).tolist() == [True, True, False] and found.df == 3


def test_weights_do_not_care_for_units_and_count_the_same_twice_once():
    omega = linear()[1]
    root = root_of(omega)
    assert root @ root.T @ omega == pytest.approx(np.eye(5), abs=1e-6)
    twice = np.array([[1.0, 0, 1], [0, 4, 0], [1, 0, 1]])
    assert np.trace(root_of(twice) @ root_of(twice).T @ twice) == pytest.approx(2)


def test_the_surface_goes_through_its_points_and_finds_the_least_distance():
    def truth(unit):
        return np.stack([unit[:, 0] ** 2 + unit[:, 1], np.sin(unit[:, 0]) * unit[:, 1], unit[:, 1] ** 3], 1)

    points = np.random.default_rng(0).random((24, 2))
    surface = Surface(points, truth(points))
    assert surface(points) == pytest.approx(truth(points), abs=1e-9)
    there = np.array([0.31, 0.64])
    found = surface.nearest(truth(there[None])[0], np.eye(3))
    assert found == pytest.approx(there, abs=0.01)
    exact = surface.with_point(there, truth(there[None])[0])
    assert exact.nearest(truth(there[None])[0], np.eye(3)) == pytest.approx(there, abs=1e-5)
    assert exact.slope(there)[0] == pytest.approx([0.62, 1.0], abs=0.01)
    assert surface.nearest(np.array([9.0, 9.0, 9.0]), np.eye(3)) == pytest.approx([1, 1], abs=1e-3)
    assert surface.nearest(truth(there[None])[0], np.eye(3), {0: 0.5})[0] == 0.5


def test_intervals_cover_as_often_as_their_level_says_on_either_side():
    """Estimates whose logs are normal, with the standard error that the delta method gives each, and normal ones."""
    generator, truth = np.random.default_rng(0), 2.0
    luck = 0.3 * generator.standard_normal(40_000)
    for positive, estimate, error in ((True, truth * np.exp(luck), 0.3), (False, truth + luck, 0.3)):
        error = error * estimate if positive else error
        for level in (0.5, 0.9):
            low, high = interval(estimate, error, level, positive)
            assert (truth < low).mean() == pytest.approx((1 - level) / 2, abs=0.01)
            assert (truth > high).mean() == pytest.approx((1 - level) / 2, abs=0.01)
            assert not positive or low.min() > 0
