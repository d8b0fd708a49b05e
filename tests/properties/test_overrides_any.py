"""Any setting of any key: settings that a run can be made with, or one line on what is wrong. Nothing is trained."""

import copy
import json

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given, settings
from hypothesis import strategies as st
from odd import mostly, places, plain_values, replaced, texts, values
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

import deepham
from deepham import economics
from deepham.commands import configuration
from deepham.commands import solve as solve_module
from deepham.commands.explaining import explain
from deepham.errors import InputError
from deepham.system.paths import conf_folder

READERS = {
    "train": configuration.read,
    "reference": configuration.read_reference,
    "evaluate": configuration.read_evaluation,
    "report": configuration.read_report,
}


def keys_of(cfg, prefix=""):
    """Every key, groups included, with dots."""
    for key in cfg:
        node = cfg._get_node(key)
        yield f"{prefix}{key}"
        if isinstance(node, DictConfig) and not node._is_none():
            yield from keys_of(node, f"{prefix}{key}.")


@pytest.fixture(scope="module")
def composed():
    """composed(script, *overrides) is a script's configuration; each is composed once."""
    found = {}

    def call(script, *overrides):
        if (script, *overrides) not in found:
            with initialize_config_dir(str(conf_folder()), version_base="1.3"):
                found[script, *overrides] = compose(script, overrides=list(overrides))
        return copy.deepcopy(found[script, *overrides])

    return call


def near(value):
    """Settings of the same kind, most of which will do."""
    if isinstance(value, bool):
        return st.booleans()
    if isinstance(value, int):
        return st.integers(max(0, value - 2), value + 20)
    if isinstance(value, float):
        return st.floats(0.98, 1.02).map(lambda factor: factor * value)
    return st.just(value)


@st.composite
def changes(draw, cfg, unread):
    """One or two settings that are read: (key, value)."""
    keys = [key for key in keys_of(cfg) if not key.startswith(unread)]
    result = []
    for key in draw(st.lists(st.sampled_from(keys), min_size=1, max_size=2)):
        now = OmegaConf.select(cfg, key, throw_on_missing=False)
        now = OmegaConf.to_container(now, resolve=False) if isinstance(now, DictConfig | ListConfig) else now
        if isinstance(now, list) and draw(st.booleans()):
            result.append((key, replaced(now, draw(st.sampled_from(list(places(now)))), draw(plain_values))))
        else:
            result.append((key, draw(mostly(near(now), plain_values))))
    return result


@pytest.mark.parametrize(
    "script, overrides, cases",
    [
        ("train", (), 60),
        ("train", ("model=rare_event", "network=generalized_moments", "algorithm=deepham_paper"), 30),
        ("reference", (), 30),
        ("evaluate", ("solution=x",), 30),
        ("report", (), 30),
    ],
)
def test_settings_or_one_line(composed, outcomes, script, overrides, cases, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    original = composed(script, *overrides)

    @settings(max_examples=cases)
    @given(changes(original, ("hydra", "algorithm") if script == "reference" else ("hydra",)))
    def check(changed):
        cfg = copy.deepcopy(original)
        for key, value in changed:
            try:
                OmegaConf.update(cfg, key, value, merge=False)
            except (OmegaConfBaseException, ValueError):  # not a value that a configuration can hold
                return
        with outcomes.case():
            found = READERS[script](cfg)
            if script == "train":
                json.dumps(found.hyperparameters())

    check()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("script", READERS)
def test_what_stands_in_place_of_a_group(composed, script):
    original = composed(script, *(["solution=x"] if script == "evaluate" else []))
    groups = [key for key in original if isinstance(original._get_node(key), DictConfig) and key != "hydra"]
    for group in groups:
        for odd in (3, float("nan"), "x", [1]):
            cfg = copy.deepcopy(original)
            OmegaConf.update(cfg, group, odd, merge=False)
            with pytest.raises(InputError, match=f"{group}: expected a group"):
                READERS[script](cfg)


BROKEN = [
    "a=b=c",
    "=",
    "",
    "~",
    "++",
    "seed",
    "seed=",
    "++seed=2",
    "+seed=2",
    "seed=[1,2",
    "seed={a:1",
    "seed='",
    'seed="',
    "seed=${seed}",
    "seed=${nope}",
    "seed=${oc.env:NOPE}",
    "seed=${now:%Y}",
    "run=${run}",
    "model.alpha=${model.beta}",
    "model=${seed}",
    "model=[ks98]",
    "seed=choice(1,2)",
    "seed=int(x)",
    "hydra.run.dir=null",
    "hydra/job_logging=nope",
    "model@network=ks98",
    "+model@x=ks98",
    "network@:paper",
    "callbacks=[]",
    "~callbacks",
    "~model",
    "~model.beta",
    "algorithm.policy_optimizer=3",
    "model.chain_matrix={}",
    "é=1",
    "\ud800=1",
    "seed=\ud800",
    "seed=\x00",
    "seed=\n",
    "seed=1\nrun=2",
    "run=a b",
    "run='a\nb'",
    "run=" + "x" * 999,
    "log_dir=" + "x" * 999,
    "log_dir=\x00",
    "checkpoint_dir=null",
    "optimized_metric=[a]",
    "+a.b.c=1",
    "model.beta.x=1",
    "seed=1e400",
    "seed=" + "9" * 5000,
    "init_from=x",
    "ckpt_path=x",
    "experiment=nope",
    "~experiment",
    "seed=???",
    "model=???",
    "network.moment_states=[eps]",
    "network.moment_states=[[k]]",
    "logger=none",
    "logger.tensorboard.name=${nope}",
    "callbacks.guard._target_=3",
    "callbacks.guard._target_=deepham..",
    "callbacks.guard.every=${callbacks.guard.every}",
]


@st.composite
def texts_of_overrides(draw, keys):
    key = draw(mostly(st.sampled_from(keys), st.text(max_size=8)))
    sign = draw(mostly(st.just(""), st.sampled_from(("+", "++", "~", "~~", "@", " "))))
    value = draw(
        mostly(
            st.sampled_from(("1", "2", "0.95", "true", "null", "ks98")),
            st.text("[]{}(),:=${}'\"\\ ab1.-", max_size=12) | texts,
        )
    )
    return f"{sign}{key}={value}"


@pytest.mark.slow
@pytest.mark.parametrize("script", READERS)
def test_words_of_the_command_line(listed_outcomes, composed, script, tmp_path, monkeypatch):
    """As the command line has it: Hydra composes, the reader checks, and what either says is one line."""
    monkeypatch.chdir(tmp_path)
    keys = [key for key in keys_of(composed(script)) if not key.startswith("hydra")]
    # all of them for the script that trains, fewer for the others
    chosen = BROKEN if script == "train" else BROKEN[::20]

    def case(text):
        with listed_outcomes.case():
            try:
                with initialize_config_dir(str(conf_folder()), version_base="1.3"):
                    cfg = compose(script, overrides=[text])
            except Exception as error:  # what cli.run_script does: whatever Hydra raises is about the configuration
                raise InputError(explain(error, script)) from error
            READERS[script](cfg)

    for text in chosen:
        case(text)

    @settings(max_examples=25 if script == "train" else 12)
    @given(texts_of_overrides(keys))
    def check(text):
        case(text)

    check()
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_arguments_of_solve(composed, outcomes, monkeypatch):
    """Everything before the training, which is left out."""

    class Concluded:
        solution, measures = "trained", {"euler.mean": 0.1}

    monkeypatch.setattr(solve_module, "fit", lambda *args, **options: (None, None))
    monkeypatch.setattr(solve_module, "find", lambda *args, **options: None)
    monkeypatch.setattr(solve_module, "conclude", lambda *args, **options: Concluded())
    keys = [key for key in keys_of(composed("train")) if key.split(".")[0] in ("algorithm", "network", "verdict")]
    parameters = st.sampled_from(
        (("beta", 0.9), ("beta", np.float64(0.9)), ("alpha", 0.3), ("productivity", (0.9, 1.1)))
    )

    @settings(max_examples=30)
    @given(
        mostly(st.sampled_from(economics.names()), of=8),  # of five arguments one is odd in every other case
        mostly(st.integers(0, 100), of=8),
        mostly(
            st.lists(st.sampled_from(("algorithm.horizon=2", "network.width=4", "verdict.dates=3")), max_size=2),
            values | texts_of_overrides(keys).map(lambda text: [text]),
            of=8,
        ),
        mostly(st.none(), of=8),
        mostly(
            parameters.map(lambda pair: dict([pair])),
            st.dictionaries(st.just("alpha") | texts, values, max_size=2),
            of=8,
        ),
    )
    def check(economy, seed, overrides, init_from, calibration):
        with outcomes.case():
            assert (
                deepham.solve(economy, seed=seed, overrides=overrides, init_from=init_from, **calibration) == "trained"
            )

    check()
