"""Too large a request is refused with the figure before anything is allocated; the figure is near the measured one."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

import deepham
from deepham import economics, impulse, memory
from deepham.algorithm.bellman_paper import Protocol
from deepham.errors import InputError
from deepham.paths import conf_folder
from deepham.reference.law_of_motion import solve_law_of_motion
from deepham.reference.solve import solve_reference
from deepham.report.study import StudySettings
from deepham.training.configuration import read

HUGE = 10**18
EXPERIMENTS = [f"experiment={path.stem}" for path in sorted((conf_folder() / "experiment").glob("*.yaml"))]
MODELS = [f"model={name}" for name in economics.names()]


def read_settings(*overrides):
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return read(compose("train", overrides=["logger=none", *overrides]))


def estimate(settings):
    return sum(size for size, _ in memory.training(settings.economy, settings.algorithm, settings.network))


@pytest.fixture
def ks98_solution():
    return deepham.load("ks98")


@pytest.fixture
def room(monkeypatch):
    """room(bytes) is the memory that there is."""
    return lambda size: monkeypatch.setattr(memory, "available", lambda device="cpu": size)


def test_what_fits_exactly_is_allowed_and_a_byte_more_refused_with_the_figures(room):
    parts = [(3 * 10**9, {"agents": 7, "economies": 1}), (10**9, {"periods": 2})]
    room(4 * 10**9)
    memory.require_memory(parts)
    room(4 * 10**9 - 1)
    with pytest.raises(InputError) as refused:
        memory.require_memory(parts)
    assert str(refused.value) == "agents=7: about 4 GB of memory, 4 GB are available; lower agents"


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["network=paper"],
        ["algorithm=deepham_paper"],
        *([x] for x in EXPERIMENTS + MODELS),
        *([x, "algorithm=deepham_paper"] for x in MODELS if x != "model=huggett"),  # its households are in debt
    ],
    ids=" ".join,
)
def test_what_ships_fits_four_gigabytes(room, overrides):
    room(4 * 10**9)
    read_settings(*overrides)


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


def test_solve_asks_for_what_the_estimate_says(room):
    sizes = ["algorithm.economies=2000", "algorithm.agents=1000"]
    room(10**15)
    needed = estimate(read_settings(*sizes))
    room(needed)
    read_settings(*sizes)
    room(needed - 1)
    with pytest.raises(InputError, match="algorithm.economies=2000 x algorithm.agents=1000: about "):
        deepham.solve("ks98", overrides=sizes)


def test_processes_share_the_economies_and_load_torch_each(room):
    settings = read_settings("algorithm.economies=2000")
    of = (settings.economy, settings.algorithm, settings.network)
    one, four = memory.training(*of), memory.training(*of, 4)
    assert [size for size, _ in four[:2]] == pytest.approx([size / 4 for size, _ in one[:2]], rel=1e-6)
    needed = 4 * sum(size for size, _ in four) + 3 * memory.LOADED
    room(needed)
    read_settings("algorithm.economies=2000", "trainer.processes=4")
    room(needed - 1)
    with pytest.raises(InputError, match="about .* GB of memory"):
        read_settings("algorithm.economies=2000", "trainer.processes=4")


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
    monkeypatch.setattr(impulse, "SETTLE", 2)
    of = (ks98_solution.economy, len(ks98_solution.grid), memory.point_of(ks98_solution.policy_function))
    for parts, call in (
        (memory.simulation(*of, 3, 2, 5), lambda: ks98_solution.simulate(3, 2, agents=5)),
        (memory.response(*of, 3, 4, None, 4), lambda: ks98_solution.irf({"transfer": 0.05}, 3, 4)),
    ):
        needed = sum(size for size, _ in parts)
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
    needed = sum(size for size, _ in memory.grid_solution(ks98, settings))
    assert 10**7 < needed < 10**9
    room(needed - 1)
    with pytest.raises(InputError, match="reference"):
        solve_law_of_motion(ks98, settings)


def test_the_published_protocol_counts_one_economy_for_each_agent(ks98_solution):
    value = ks98_solution.value_function
    small, large = (
        sum(
            size for size, _ in memory.published_protocol(ks98_solution.economy, Protocol(agents, 4, 1, 1, 1, 1), value)
        )
        for agents in (10**4, 10**5)
    )
    assert 50 < large / small < 100


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
from deepham.paths import conf_folder
from deepham.training.configuration import read
from deepham.training.fit import fit

def resident(key):
    return 1024 * int(re.search(rf"{key}:\\s+(\\d+)", open("/proc/self/status").read())[1])

def settings(*overrides):
    with initialize_config_dir(str(conf_folder()), version_base="1.3"):
        return read(compose("train", overrides=["algorithm.outer_iterations=1", "algorithm.policy_steps=2",
                                                "algorithm.burn_in=1", *overrides]))

fit(settings("algorithm.agents=20"), [], [])  # what is imported late
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
        ["algorithm.agents=10000"],
        ["algorithm.agents=5000", "network.width=150"],
        ["algorithm.agents=5000", "algorithm.horizon=10", "network=generalized_moments"],
        ["algorithm=deepham_paper", "algorithm.horizon=20", "algorithm.agents=100", "algorithm.value_steps=2"],
        ["network.width=1500", "algorithm.agents=20"],
    ],
    ids=" ".join,
)
def test_the_estimate_is_between_the_measured_peak_and_twice_that(tmp_path, overrides):
    shown = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURE, *overrides], capture_output=True, text=True, cwd=tmp_path
    )
    assert shown.returncode == 0, shown.stderr
    measured = int(shown.stdout.splitlines()[-1])
    assert measured > 2e8
    assert 0.95 < estimate(read_settings(*overrides)) / measured < 2
