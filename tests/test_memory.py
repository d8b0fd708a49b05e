"""A request whose largest array does not fit is refused with the figure before anything is allocated."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

import deepham
from deepham.commands.configuration import read
from deepham.errors import InputError
from deepham.reference.solve import solve_reference
from deepham.report.study import StudySettings
from deepham.solution import paired
from deepham.system import memory
from deepham.system.paths import conf_folder

HUGE = 10**18


def read_settings(*overrides):
    named = any(text.startswith("algorithm=") for text in overrides)
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return read(compose("train", overrides=["logger=none", *([] if named else ["algorithm=deepham"]), *overrides]))


def largest(settings):
    return max(size for size, _ in memory.training(settings.economy, settings.algorithm, settings.network))


@pytest.fixture
def ks98_solution():
    return deepham.load("ks98")


@pytest.fixture
def room(monkeypatch):
    """room(bytes) is the memory that there is."""
    return lambda size: monkeypatch.setattr(memory, "available", lambda device="cpu": size)


def test_what_fits_exactly_is_allowed_and_a_byte_more_refused_with_the_figures(room):
    arrays = [(10**9, {"periods": 2}), (4 * 10**9, {"agents": 7, "economies": 1})]
    room(4 * 10**9)
    memory.require_memory(arrays)
    room(4 * 10**9 - 1)
    with pytest.raises(InputError) as refused:
        memory.require_memory(arrays)
    assert str(refused.value) == "agents=7: about 4 GB of memory, 4 GB are available; lower agents"


@pytest.mark.parametrize(
    "override, lower",
    [
        ("algorithm.economies=1000000000", "algorithm.economies"),
        ("algorithm.agents=1000000000", "algorithm.agents"),
        ("algorithm.horizon=1000000000", "algorithm.horizon"),
        ("verdict.nodes=10000000", "verdict.nodes"),
    ],
)
def test_training_is_refused_in_one_line_and_nothing_is_built(room, override, lower):
    room(4 * 10**9)
    with pytest.raises(
        InputError, match=rf"{lower}=\d+.*: about .* GB of memory, 4 GB are available; lower .*{lower}"
    ) as refused:
        read_settings(override)
    assert "\n" not in str(refused.value)


def test_the_published_procedure_counts_its_pool_of_paths(room):
    room(4 * 10**9)
    for override in (
        "algorithm.realised_periods=1000000000",
        "algorithm.spacing=1000000000",
        "algorithm.dates=1000000000",
    ):
        with pytest.raises(InputError, match=override.split("=")[0]):
            read_settings("algorithm=deepham_paper", override)
    with pytest.raises(InputError, match="algorithm.value_economies=1000000000"):
        read_settings("algorithm=deepham_paper", "algorithm.value_economies=1000000000")
    with pytest.raises(InputError, match="algorithm.nodes=1000000000"):
        read_settings("algorithm.agents=null", "algorithm.nodes=1000000000")


def test_solve_asks_for_the_largest_array(room):
    sizes = ["algorithm=deepham", "algorithm.economies=2000", "algorithm.agents=1000"]
    room(10**15)
    needed = largest(read_settings(*sizes))
    room(needed)
    read_settings(*sizes)
    room(needed - 1)
    with pytest.raises(InputError, match="algorithm.economies=2000 x algorithm.agents=1000: about "):
        deepham.solve("ks98", overrides=sizes)


def test_cards_share_the_economies_and_processes_load_torch_each(room):
    settings = read_settings("algorithm.economies=2000")
    of = (settings.economy, settings.algorithm, settings.network)
    assert [size for size, _ in memory.training(*of, 4)][::2] == [size / 4 for size, _ in memory.training(*of)][::2]
    room(3 * memory.LOADED)
    read_settings("trainer.processes=4")
    room(3 * memory.LOADED - 1)
    with pytest.raises(InputError, match="trainer.processes=4: about 1.2 GB of memory, 1.2 GB are available"):
        read_settings("trainer.processes=4")


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda s: s.simulate(HUGE), "periods"),
        (lambda s: s.simulate(3, HUGE), "economies"),
        (lambda s: s.simulate(3, 2, agents=HUGE), "economies=2 x agents="),
        (lambda s: s.irf("good->bad", HUGE), "periods"),
        (lambda s: s.irf("good->bad", 3, HUGE), "draws"),
        (lambda s: s.irf("good->bad", 3, 4, agents=HUGE), "agents"),
        (lambda s: s.irf({"transfer": 0.05}, HUGE), "periods"),
        (lambda s: s.risky_steady_state("bad", HUGE), "periods"),
        (lambda s: s.errors(1, HUGE), "periods"),
        (lambda s: s.errors(HUGE, HUGE), "dates"),
        (lambda s: StudySettings(HUGE, 3, 3, 3, 50, 2).require_memory(s), "study.periods"),
        (lambda s: StudySettings(20, HUGE, 3, 3, 50, 2).require_memory(s), "study.irf_periods"),
        (lambda s: StudySettings(20, 3, HUGE, 3, 50, 2).require_memory(s), "study.irf_draws"),
        (lambda s: StudySettings(20, 3, 3, HUGE, 50, 2).require_memory(s, 2), "study.risky_periods"),
    ],
)
def test_a_simulation_is_refused_in_one_line(ks98_solution, call, says):
    with pytest.raises(InputError, match=rf"{says}.*: about .* GB of memory, .* GB are available; lower ") as refused:
        call(ks98_solution)
    assert "\n" not in str(refused.value)


def test_the_line_between_what_fits_and_what_does_not(ks98_solution, room, monkeypatch):
    monkeypatch.setattr(paired, "SETTLE", 2)
    of = (ks98_solution.economy, len(ks98_solution.grid), memory.widest(ks98_solution.policy_function))
    assert of[-1] == ks98_solution.network["width"]
    for arrays, call in (
        (memory.simulation(*of, 3, 2, 5), lambda: ks98_solution.simulate(3, 2, agents=5)),
        (memory.response(*of, 3, 4, None, 4), lambda: ks98_solution.irf({"transfer": 0.05}, 3, 4)),
    ):
        needed = max(size for size, _ in arrays)
        room(needed)
        call()
        room(needed - 1)
        with pytest.raises(InputError, match="memory"):
            call()


@pytest.mark.parametrize("name", ["k_nodes", "K_nodes", "histogram_nodes", "economies", "burn_in", "periods"])
@pytest.mark.parametrize("calm", [False, True])
def test_a_grid_solution_is_refused(ks98, name, calm):
    settings = read_settings().reference
    economy = ks98.without_aggregate_risk() if calm else ks98
    if calm and name in ("economies", "burn_in", "periods"):
        return  # without aggregate risk there is no path
    with pytest.raises(InputError, match=rf"reference\.{name}.*about .* GB"):
        solve_reference(economy, replace(settings, **{name: HUGE}))


def test_the_line_of_a_grid_solution(ks98, room):
    settings = read_settings().reference
    needed = max(size for size, _ in memory.grid_solution(ks98, settings))
    room(needed - 1)
    with pytest.raises(InputError, match="reference"):
        solve_reference(ks98, settings)


def group(folder, version, limit, used, reclaimed):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in zip(memory.GROUP_FILES[version - 1][:2], (limit, used)):
        (folder / name).write_text(f"{text}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{memory.GROUP_FILES[version - 1][2]} {reclaimed}\n")


@pytest.mark.parametrize("version", [1, 2])
def test_control_groups_limit_what_is_available(tmp_path, monkeypatch, version):
    root = tmp_path / "cgroup" if version == 2 else tmp_path / "cgroup" / "memory"
    unlimited = "max" if version == 2 else 2**63 - 4096
    monkeypatch.setattr(memory, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(memory, "MEMBERSHIP", tmp_path / "membership")
    whole = memory.available()  # no such file: the machine's
    (tmp_path / "membership").write_text(
        "5:cpu:/other\n" + ("0::/job/step\n" if version == 2 else "4:memory:/job/step\n")
    )
    group(root / "job" / "step", version, unlimited, 10, 0)
    assert memory.available() > 0.5 * whole
    group(root / "job", version, 1000, 900, 300)  # the limit of the job holds for its step
    assert memory.available() == 400
    group(root, version, 500, 200, 0)
    assert memory.available() == 300
    group(root, version, 500, 600, 0)
    assert memory.available() == 0


MEASURE = """
import re, sys
from pathlib import Path
from hydra import compose, initialize_config_dir
from deepham.system.paths import conf_folder
from deepham.commands.configuration import read
from deepham.training.fit import fit

def resident(key):
    return 1024 * int(re.search(rf"{key}:\\s+(\\d+)", open("/proc/self/status").read())[1])

def settings(*overrides):
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return read(compose("train", overrides=["algorithm.outer_iterations=1", "algorithm.policy_steps=2",
                                                "algorithm.burn_in=1", *overrides]))

fit(settings("algorithm=deepham", "algorithm.agents=20"), [], [])  # what is imported late
asked = settings(*sys.argv[1:])
before = resident("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
fit(asked, [], [])
print(resident("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the peak is read from Linux's /proc")
@pytest.mark.parametrize(
    "overrides",
    [
        ["algorithm=deepham", "algorithm.agents=10000"],
        ["algorithm=deepham", "algorithm.agents=5000", "network.width=150"],
        ["algorithm=deepham", "algorithm.agents=5000", "algorithm.horizon=10", "network=generalized_moments"],
        ["algorithm=euler_newton", "algorithm.newton.households=2000"],
        ["algorithm=deepham_paper", "algorithm.horizon=20", "algorithm.agents=100", "algorithm.value_steps=2"],
    ],
    ids=" ".join,
)
def test_what_is_refused_would_not_have_run(tmp_path, overrides):
    """The largest array is a part of the peak, and not a small one."""
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURE, *overrides], capture_output=True, text=True, cwd=tmp_path
    )
    assert shown.returncode == 0, shown.stderr
    measured = int(shown.stdout.splitlines()[-1])
    assert 2e8 < measured
    assert 1 < measured / largest(read_settings(*overrides)) < 20
