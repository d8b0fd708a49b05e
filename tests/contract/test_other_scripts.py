"""scripts/reference.py, evaluate.py, summarize.py, report.py and benchmark.py: what they print and write, and one line
for bad input."""

import csv
import json
import re
from pathlib import Path

import pytest
import torch
import xarray
from safetensors.torch import load_file

from benchmarks import benchmark, parts
from deepham import economics
from deepham.commands.cli import evaluate, reference, report, summarize
from deepham.errors import OutOfDomain

SMALL = [
    "reference.k_nodes=40",
    "reference.K_nodes=5",
    "reference.histogram_nodes=40",
    "reference.economies=1",
    "reference.burn_in=50",
    "reference.periods=200",
    "reference.tolerance=1e-3",
]
SHORT = [
    "verdict.burn_in=5",
    "verdict.periods=10",
    "verdict.dates=2",
    "agents=4",
    "bellman_paper.agents=3",
    "bellman_paper.economies=2",
    "bellman_paper.burn_in=5",
    "bellman_paper.periods=5",
    "bellman_paper.dates=2",
]


def test_the_grid_solution_is_computed_once_shown_and_stored(script):
    code, output, errors = script(reference, *SMALL)
    assert (code, errors) == (0, []) and "iteration 1 " in output
    assert "Law of motion" in output and "Den Haan" in output and "grids doubled" in output and "R2" in output
    (stored,) = Path("checkpoints/reference").iterdir()
    code, output, _ = script(reference, *SMALL)
    assert code == 0 and "iteration 1 " not in output and stored.name in output.replace("\n", "")
    assert "iteration 1 " in script(reference, *SMALL, "again=true")[1]


def test_the_shipped_solution_is_shown_at_once(script):
    code, output, errors = script(reference)
    assert (code, errors) == (0, []) and "iteration" not in output and not Path("checkpoints").exists()


@pytest.mark.slow
def test_where_no_price_clears_among_few_households_panels_are_left_out(command, script, monkeypatch):
    def unclear(*_):
        raise OutOfDomain("w: excess demand is 0.1 of mean income at both ends of its range")

    assert command("run=r")[0] == 0
    monkeypatch.setattr("deepham.commands.evaluate._in_panels", unclear)
    code, output, errors = script(evaluate, "solution=checkpoints/r", *SHORT)
    assert (code, errors) == (0, []) and "panels of 4 are left out: w: excess demand" in output
    found = json.loads(Path("checkpoints/r/evaluation.json").read_text())
    assert found["panel"] == {} and found["measures"]["euler.mean"] > 0


def test_an_evaluation_is_written_beside_the_solution_and_as_tables(command, script):
    assert command("run=r")[0] == 0
    code, output, errors = script(evaluate, "solution=checkpoints/r", *SHORT)
    assert (code, errors) == (0, []) and "in panels of 4" in output and "published protocol" in output
    found = json.loads(Path("checkpoints/r/evaluation.json").read_text())
    assert {"euler.mean", "bellman_policy.mean", "path_gap.mean", "wealth_w1", "welfare_gap"} <= set(found["measures"])
    assert found["reference"]["mean_K"] > 0 and found["bar_met"] is False
    for panel in (found["panel"], found["panel_reference"]):
        assert panel["euler.mean"] > 0 and panel["bellman_paper"] > 0 and 0 < panel["gini"] < 1
    assert found["panel"]["path_gap.max"] >= found["panel"]["path_gap.mean"] > 0 and found["panel"]["wealth_w1"] > 0
    assert found["reference"]["euler.mean"] < found["measures"]["euler.mean"]
    assert len(found["by_wealth"]) == 10 and found["by_wealth"][0]["euler"] > 0
    tables = Path("logs/r/report")
    drawn = {path.name for path in tables.iterdir() if path.stat().st_size > 1000}
    assert {
        f"{name}.{ending}" for name in ("wealth", "capital", "policy", "errors") for ending in ("png", "pdf")
    } <= drawn
    with open(tables / "verdict.csv", encoding="utf-8") as file:
        assert float(next(csv.DictReader(file))["value"]) == found["measures"]["euler.mean"]
    assert (tables / "verdict.md").read_text().startswith("| measure |")
    assert (tables / "verdict.tex").read_text().startswith(r"\begin{tabular}")
    with open(tables / "by_wealth.csv", encoding="utf-8") as file:
        assert float(next(csv.DictReader(file))["euler"]) == found["by_wealth"][0]["euler"]


@pytest.mark.slow
def test_a_grid_solution_of_another_calibration_is_refused_by_its_first_parameter(command, script):
    assert command("run=r")[0] == 0
    assert script(reference, *SMALL, "model.delta=0.03")[0] == 0
    (other,) = Path("checkpoints/reference").iterdir()
    code, output, errors = script(evaluate, "solution=checkpoints/r", *SHORT, f"against={other}")
    assert code == 2 and len(errors) == 1 and "delta=0.03" in errors[0] and "delta=0.025" in errors[0]
    assert not Path("checkpoints/r/evaluation.json").exists() and not Path("logs/r/report").exists()
    other.write_bytes(other.read_bytes()[:1000])
    code, _, errors = script(evaluate, "solution=checkpoints/r", *SHORT, f"against={other}")
    assert code == 2 and "damaged" in errors[0]
    code, _, errors = script(evaluate, "solution=checkpoints/r", *SHORT, "against=nowhere")
    assert code == 2 and "does not exist" in errors[0]


@pytest.mark.slow
def test_a_grid_solution_can_be_named(command, script):
    assert command("run=r")[0] == 0
    assert script(reference, *SMALL)[0] == 0
    (stored,) = Path("checkpoints/reference").iterdir()
    assert script(evaluate, "solution=checkpoints/r", *SHORT, f"against={stored}")[0] == 0


@pytest.mark.slow
def test_the_seeds_of_a_sweep_are_summarised(command, script):
    assert command("-m", "seed=1,2")[0] == 0
    code, output, errors = script(summarize, "runs=checkpoints/sweep-*")
    assert (code, errors) == (0, []) and "2 runs" in output
    values = [
        json.loads(path.read_text())["measures"]["euler.mean"]
        for path in sorted(Path("checkpoints").glob("*/metrics.json"))
    ]
    with open("logs/summary/runs.csv", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert float(row["mean"]) == pytest.approx(sum(values) / 2, rel=1e-12)
    assert {path.name for path in Path("logs/summary").iterdir()} == {"runs.md", "runs.csv", "runs.tex"}


@pytest.mark.slow
def test_another_calibration_gets_its_own_grid_solution(command, script):
    assert command("run=r", "model.beta=0.98")[0] == 0
    code, output, errors = script(evaluate, "solution=checkpoints/r", *SHORT, *SMALL)
    assert (code, errors) == (0, []) and "grid solution, iteration 1" in output


def test_a_run_of_another_calibration_says_how_to_get_a_comparison(command):
    code, output, _ = command("run=r", "model.beta=0.98")
    assert code == 0 and "scripts/reference.py" in output
    assert json.loads(Path("checkpoints/r/metrics.json").read_text())["reference"] is None
    code, _, errors = command("run=s", "model.beta=0.98", "optimized_metric=wealth_w1")
    assert code == 2 and "scripts/reference.py" in errors[0]


@pytest.mark.parametrize(
    "entry, overrides, says",
    [
        (reference, ["model=foo"], "choose from"),
        (reference, ["model.beta=2"], "model.beta"),
        (reference, ["reference.k_nodes=1"], "reference.k_nodes"),
        (reference, ["reference=foo"], "fine"),
        (evaluate, ["solution=x", "verdict=3"], "verdict"),
        (report, ["study=[]"], "study"),
        (reference, ["reference.damping=abc"], "reference.damping"),
        (reference, ["bogus=1"], "unknown key"),
        (summarize, [], "runs"),
        (summarize, ["runs=nothing*"], "nothing*"),
        (summarize, ["runs=."], "evaluation.json"),
        (evaluate, [], "solution="),
        (evaluate, ["solution=nowhere"], "nowhere"),
        (evaluate, ["solution=."], "expected"),
        (evaluate, ["solution=x", "seed=-1"], "seed"),
        (evaluate, ["solution=x", "verdict.dates=0"], "verdict.dates"),
        (evaluate, ["solution=x", "agents=0"], "agents"),
        (evaluate, ["solution=x", "bellman_paper.dates=0"], "bellman_paper.dates"),
        (report, ["solution=nowhere"], "brock_mirman, ks98"),
        (report, ["workers=0"], "workers"),
        (report, ["compare=ks98"], "list"),
        (report, ["compare=[brock_mirman]"], "a solution of brock_mirman"),
        (report, ["compare=[ks98]"], "two solutions called ks98"),
        (report, ["compare=[a,b,c]"], "at most 2"),
        (report, ["study.irf_draws=0"], "study.irf_draws"),
        (report, ["seed=x"], "seed"),
        (report, ["study.period=3"], "did you mean study.periods"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(script, entry, overrides, says):
    code, output, errors = script(entry, *overrides)
    assert code == 2 and len(errors) == 1 and says in errors[0] and output == ""
    assert list(Path(".").iterdir()) == []


LOOK = [
    "study.periods=30",
    "study.irf_periods=3",
    "study.irf_draws=4",
    "study.risky_periods=20",
    "verdict.burn_in=5",
    "verdict.periods=10",
    "verdict.dates=2",
]
ALWAYS = {
    "verdict",
    "by_wealth",
    "calibration",
    "business_cycle",
    "cycle",
    "distribution",
    "inequality",
    "policies",
    "transfer",
    "transfer_table",
    "irf",
    "irf_distribution",
    "irf_table",
    "risky",
    "risky_table",
    "training",
    "manifest",
}


@pytest.mark.slow
def test_a_report_lays_solutions_over_each_other_and_the_grid(command, script):
    assert command("run=r")[0] == 0
    code, output, errors = script(
        report, "solution=checkpoints/r", "compare=[ks98]", *LOOK, *SMALL, "verdict.periods=200"
    )
    assert (code, errors) == (0, []) and "report.html" in output
    folder = Path("logs/r/report")
    page = (folder / "report.html").read_text(encoding="utf-8")
    shown = ALWAYS | {"verdicts", "capital", "errors", "policy", "welfare", "welfare_table"}
    assert set(re.findall(r'<figure id="([^"]+)"', page)) == shown
    for name in shown:
        endings = {path.suffix for path in folder.glob(f"{name}.*")}
        assert endings in ({".png", ".pdf"}, {".md", ".csv", ".tex"}), name
    assert 'src="http' not in page and "Den Haan, Judd and Juillard" in page and "β" in page and "Left out" not in page
    with open(folder / "business_cycle.csv", encoding="utf-8") as file:
        spread = {row["solution"]: float(row["sd"]) for row in csv.DictReader(file) if row["variable"] == "Y"}
    assert set(spread) == {"r", "ks98", "grid"} and min(spread.values()) > 0.5
    with open(folder / "manifest.csv", encoding="utf-8") as file:
        manifest = {(row["of"], row["item"]): row["value"] for row in csv.DictReader(file)}
    assert "run=r" in manifest["r", "command"] and "compare=[ks98]" in manifest["report", "command"]
    series = xarray.open_dataset(folder / "recession-grid.nc.gz")
    assert series.sizes["period"] == 3 and float(series["Y"][0]) < -4


@pytest.mark.slow
def test_a_report_on_learned_moments_draws_them(command, script):
    assert command("run=r", "network=generalized_moments")[0] == 0
    assert script(report, "solution=checkpoints/r", "workers=1", *LOOK, *SMALL)[0] == 0
    assert "moments" in re.findall(
        r'<figure id="([^"]+)"', Path("logs/r/report/report.html").read_text(encoding="utf-8")
    )


@pytest.mark.slow
def test_a_report_says_what_is_left_out(script):
    code, output, errors = script(report, "solution=brock_mirman", "workers=1", "output=here", *LOOK, *SMALL)
    assert (code, errors) == (0, [])
    page = Path("here/report.html").read_text(encoding="utf-8")
    assert set(re.findall(r'<figure id="([^"]+)"', page)) == ALWAYS | {"capital", "errors", "policy"}
    assert "welfare: brock_mirman states no twin without aggregate risk" in page


@pytest.mark.slow
def test_a_script_takes_the_sizes_that_the_solutions_economy_sets(command, script):
    """rare_event needs a higher grid than ks98: its file in conf/model/ says so, the command line goes first."""
    assert command("run=r", "model=rare_event")[0] == 0
    small = [text for text in SMALL if "tolerance" not in text]
    assert script(evaluate, "solution=checkpoints/r", *SHORT, *small, "reference.tolerance=0.05", "agents=20")[0] == 0
    (stored,) = Path("checkpoints/reference").iterdir()
    nodes = load_file(stored)["nodes"]
    typical = economics.create("rare_event").typical_state()["K"]
    assert float(nodes[-1]) == pytest.approx(40 * typical)
    assert (
        script(evaluate, "solution=checkpoints/r", *SHORT, *small, "reference.tolerance=0.05", "reference.top=50")[0]
        == 0
    )
    assert {
        round(float(load_file(path)["nodes"][-1] / typical)) for path in Path("checkpoints/reference").iterdir()
    } == {40, 50}


AIYAGARI = [
    "model.productivity=[1.0]",
    "model.unemployment=[0.07]",
    "model.beta=0.96",
    "model.chain_matrix=[[0.4,0.6],[0.04516129032258065,0.9548387096774194]]",
]


@pytest.mark.slow
def test_an_economy_without_aggregate_shock_goes_all_the_way(command, script):
    assert script(reference, *SMALL, *AIYAGARI)[0] == 0
    assert command("run=r", *AIYAGARI, *SMALL)[0] == 0
    code, output, errors = script(evaluate, "solution=checkpoints/r", *SHORT, *SMALL)
    assert (code, errors) == (0, []) and "iteration" not in output
    found = json.loads(Path("checkpoints/r/evaluation.json").read_text())
    assert found["reference"]["sd_K"] < 0.01 and found["measures"]["wealth_w1"] > 0


@pytest.mark.parametrize(
    "entry, override, says",
    [
        (reference, "reference.histogram_nodes=1000000000000", "reference.histogram_nodes=1000000000000"),
        (evaluate, "reference.k_nodes=1000000000000", "reference.k_nodes=1000000000000"),
        (evaluate, "agents=1000000000000", "agents=1000000000000"),
        (evaluate, "bellman_paper.agents=1000000", "bellman_paper.agents=1000000"),
        (report, "study.periods=1000000000000", "study.periods=1000000000000"),
    ],
)
def test_a_request_that_does_not_fit_the_memory_is_one_line_and_writes_nothing(script, entry, override, says):
    other = {reference: ["again=true"], evaluate: ["solution=ks98"], report: ["solution=ks98"]}[entry]
    code, _, errors = script(entry, *other, override)
    assert code == 2 and len(errors) == 1 and says in errors[0] and "GB of memory" in errors[0]
    assert list(Path(".").iterdir()) == []


@pytest.mark.slow
def test_the_benchmark_is_a_table_and_json_and_leaves_no_run_behind(script):
    code, output, errors = script(benchmark, "parts=[time_to_bar]", "small=true", "seeds=[1]", "output=measured")
    assert (code, errors) == (0, []) and "from the command to the verdict" in output and "CPU" in output
    found = json.loads(Path("measured/benchmark.json").read_text())
    whole, within = (row["value"] for row in found["rows"])
    assert whole > within > 0 and [row["start_up"] for row in found["rows"]] == ["included", "excluded"]
    assert "the bar is met by 0 of 1 seeds" in found["rows"][0]["note"]  # three updates do not solve an economy
    assert Path("measured/benchmark.md").read_text().count("\n") == 4 and Path("measured/benchmark.tex").is_file()
    assert not Path("checkpoints").exists() and not Path("logs").exists()


@pytest.mark.parametrize(
    "override, named",
    [
        ("parts=[nothing]", "nothing"),
        ("parts=[]", "none"),
        ("repeats=0", "repeats"),
        ("repeats=many", "repeats"),
        ("gpus=2", "gpus"),
        ("output=/proc/here", "output"),
        ("seeds=[-1]", "seeds"),
        ("to_the_bar=nothing", "ks98_quick"),
        ("solution=nothing", "solution"),
    ],
)
def test_a_wrong_word_to_the_benchmark_is_one_line(script, override, named):
    code, _, errors = script(benchmark, override)
    assert code == 2 and len(errors) == 1 and named in errors[0]


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_benchmark_of_a_gpu_that_is_not_there_is_one_line(script):
    assert "sees 0 GPUs" in script(benchmark, "gpus=1")[2][0]


@pytest.mark.slow
def test_a_measurement_that_fails_is_one_line_and_exit_code_1(script, monkeypatch):
    monkeypatch.setattr(parts, "TRAIN", "raise SystemExit('no such thing')")
    code, _, errors = script(benchmark, "parts=[time_to_bar]", "small=true", "output=measured")
    assert code == 1 and len(errors) == 1 and "no such thing" in errors[0]
