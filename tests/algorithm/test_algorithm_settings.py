"""Settings of the algorithm are checked before anything runs."""

from dataclasses import asdict

import pytest
import yaml

from deepham.algorithm.settings import AlgorithmSettings
from deepham.errors import InputError
from deepham.system.paths import conf_folder

SHIPPED = sorted((conf_folder() / "algorithm").glob("*.yaml"))


def settings(path, **changes):
    shipped = yaml.safe_load(path.read_text(encoding="utf-8"))
    for other in shipped.pop("defaults", []):
        if isinstance(other, str) and other != "_self_":  # a file that says what differs from another
            shipped = asdict(settings(path.with_stem(other))) | shipped
    return AlgorithmSettings.from_dict(shipped.get("algorithm", shipped) | changes)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_settings_are_valid_and_survive_plain_data(path):
    shipped = settings(path)
    shipped.validate()
    assert shipped.name == path.stem
    assert AlgorithmSettings.from_dict(asdict(shipped)) == shipped


@pytest.mark.parametrize(
    "field, bad",
    [
        ("outer_iterations", 0),
        ("policy_steps", 0),
        ("horizon", 0),
        ("realised_periods", 0),
        ("economies", 0),
        ("value_economies", 0),
        ("agents", 0),
        ("nodes", 0),
        ("dates", 0),
        ("spacing", 0),
        ("value_steps", -1),
        ("move", -1),
        ("burn_in", -1),
        ("rich_weight", -0.1),
        ("poor_weight", float("nan")),
        ("level_weight", float("inf")),
        ("players", "second"),
        ("expectation", "mean"),
        ("fresh", "never"),
        ("average", 1.0),
        ("average", -0.1),
    ],
)
def test_a_setting_out_of_range_is_refused(field, bad):
    with pytest.raises(InputError, match=f"algorithm.{field}"):
        settings(SHIPPED[0], **{field: bad}).validate()


@pytest.mark.parametrize(
    "field, bad",
    [
        ("learning_rate", 0.0),
        ("learning_rate", float("nan")),
        ("beta1", 1.0),
        ("beta2", -0.1),
        ("schedule", "step"),
        ("method", "SGD"),
    ],
)
@pytest.mark.parametrize("optimizer", ["policy_optimizer", "value_optimizer"])
def test_an_optimizer_out_of_range_is_refused(optimizer, field, bad):
    adam = {"method": "Adam", "learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "schedule": "cosine"}
    with pytest.raises(InputError, match=f"algorithm.{optimizer}.{field}"):
        settings(SHIPPED[0], **{optimizer: adam | {field: bad}}).validate()


def test_combinations_that_cannot_run_are_refused():
    with pytest.raises(InputError, match="algorithm.move"):
        settings(SHIPPED[0], fresh="step", move=0).validate()
    for change in ({"players": "first"}, {"fresh": "epoch"}, {"value_steps": 3}, {"top": 1.0}, {"nodes": 5}):
        with pytest.raises(InputError, match="algorithm.(agents|top|nodes)"):
            settings(SHIPPED[0], agents=None, **change).validate()
    with pytest.raises(InputError, match="price-takers"):
        settings(SHIPPED[0], slope=True, price_taking=False).validate()
