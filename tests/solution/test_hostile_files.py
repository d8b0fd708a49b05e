"""Files that were damaged or made to harm: a solution and a grid solution are read as saved, or refused in one line."""

from __future__ import annotations

import copy
import json
import os
import pickle
import random
import resource
import shutil
import struct
import time
from dataclasses import asdict

import numpy as np
import pytest
import safetensors
import torch
from safetensors.torch import save_file

from deepham import economics
from deepham.errors import InputError
from deepham.measures.verdict import BAR_SETS, judge
from deepham.networks.settings import NetworkSettings, build_networks
from deepham.reference import store
from deepham.reference.forecasts import LawOfMotion
from deepham.reference.grid import Grid, GridFunction
from deepham.reference.grid_solution import GridSolution
from deepham.reference.settings import ReferenceSettings
from deepham.report.contents import manifest_file_table
from deepham.report.reported import ReportedSolution
from deepham.report.solution_sections import training
from deepham.solution import folder
from deepham.solution.loading import load
from deepham.solution.solution import Solution, check_meta

NETWORK = NetworkSettings(
    name="small", width=3, depth=1, activation="tanh", base="frictionless", aggregate_scale=10.0, ensemble=1
)
CALIBRATION = {name: economics.calibration(name) for name in economics.names()}
META = {
    "seed": 0,
    "measures": {"euler.mean": 0.04, "gini": 0.27},
    "history": {"loss": [0.5, None]},
    "made_by": {"command": "python", "seconds": {"total": 1.5}, "peak_memory_mb": 3.5},
}
SETTINGS = ReferenceSettings(
    k_nodes=4,
    K_nodes=3,
    K_width=0.25,
    top=8.0,
    histogram_nodes=4,
    economies=1,
    burn_in=5,
    periods=20,
    tolerance=1e-3,
    damping=0.25,
    iterations=60,
    seed=1,
)


@pytest.fixture(scope="module", autouse=True)
def bounded():
    """A file of kilobytes that asks for gigabytes must not get them."""
    with open("/proc/self/statm", encoding="ascii") as file:
        held = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held + 3 * 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """Hundreds of files are written and read here: no power cut has to spare them, and conf/ need not be read again."""
    monkeypatch.setattr(folder.os, "fsync", lambda number: None)
    monkeypatch.setattr(economics, "calibration", lambda name: copy.deepcopy(CALIBRATION[name]))


def make(**calibration) -> Solution:
    economy = economics.create("ks98", **calibration)
    grid = torch.tensor([0.0, 20.0, 40.0, 80.0], dtype=torch.float64)
    mass = torch.tensor([[0.01, 0.03, 0.03, 0.03, 0.3, 0.2, 0.2, 0.2]] * 2, dtype=torch.float64)
    networks = build_networks(economy, NETWORK, seed=0)
    return Solution("ks98", economy.parameters(), asdict(NETWORK), *networks, grid, mass, META)


@pytest.fixture(scope="module")
def solution():
    return make()


@pytest.fixture(scope="module")
def original(solution, tmp_path_factory):
    return solution.save(tmp_path_factory.mktemp("original") / "solution")


@pytest.fixture
def saved(original, tmp_path):
    return shutil.copytree(original, tmp_path / "solution")


def refused(call, *words) -> str:
    """The call raises InputError of one line that says the words."""
    with pytest.raises(InputError) as caught:
        call()
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and len(message) < 700, message
    for word in words:
        assert word in message, message
    return message


def same(one: Solution, other: Solution) -> bool:
    """In every value."""
    plain = ("name", "calibration", "network", "meta")
    return all(getattr(one, name) == getattr(other, name) for name in plain) and all(
        torch.equal(a, b) for a, b in zip(_tensors(one), _tensors(other), strict=True)
    )


def _tensors(solution: Solution) -> list:
    return [
        solution.grid,
        solution.mass,
        *solution.policy_function.state_dict().values(),
        *solution.value_function.state_dict().values(),
    ]


def as_saved_or_refused(saved, solution) -> bool:
    """Whether it was refused; anything but the two fails."""
    try:
        found = load(saved)
    except InputError as error:
        assert len(str(error).splitlines()) == 1 and len(str(error)) < 700
        return True
    assert same(found, solution)
    return False


def lengths(data: bytes, header: int) -> list[int]:
    """Where to cut: at the start, around the end of the header, at the end, and spread in between."""
    near = [0, 1, 7, 8, 9, header - 1, header, header + 1, len(data) - 2, len(data) - 1]
    return sorted({cut for cut in (*near, *(len(data) * part // 40 for part in range(40))) if 0 <= cut < len(data)})


def header_of(data: bytes, name: str) -> int:
    return 8 + struct.unpack("<Q", data[:8])[0] if name.endswith("safetensors") else 8


def flips(data: bytes, seed: int) -> list[tuple[int, int]]:
    """(byte, bit): each of the first 64 bytes, and 140 anywhere."""
    draw = random.Random(seed)
    places = [*range(min(64, len(data))), *(draw.randrange(len(data)) for _ in range(140))]
    return [(byte, draw.randrange(8)) for byte in places]


def flipped(data: bytes, byte: int, bit: int) -> bytes:
    return data[:byte] + bytes([data[byte] ^ 1 << bit]) + data[byte + 1 :]


# -- damage to a solution ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", folder.FILES)
def test_a_truncated_file_is_refused(saved, solution, file):
    data = (saved / file).read_bytes()
    for length in lengths(data, header_of(data, file)):
        (saved / file).write_bytes(data[:length])
        kept = as_saved_or_refused(saved, solution) is False
        assert not kept or data[length:].isspace(), f"cut at {length}"


@pytest.mark.parametrize("file", folder.FILES)
def test_a_flipped_bit_is_refused_or_changes_nothing(saved, solution, file):
    data, harmless = (saved / file).read_bytes(), 0
    for byte, bit in flips(data, seed=1):
        (saved / file).write_bytes(flipped(data, byte, bit))
        harmless += not as_saved_or_refused(saved, solution)
    assert harmless <= (0 if file.endswith("safetensors") else 20), "white space, and digits beyond double precision"


@pytest.mark.parametrize("file", folder.FILES)
def test_a_file_of_another_solution_is_refused(saved, tmp_path, file):
    other = make(beta=0.98)
    other.meta["seed"] = 1
    with torch.no_grad():
        other.policy_function.mlp[-1].bias.add_(1)
        other.mass[0, :2] += torch.tensor([1e-3, -1e-3])
    other.save(tmp_path / "other")
    (saved / file).write_bytes((tmp_path / "other" / file).read_bytes())
    refused(lambda: load(saved), str(saved), "digest")


@pytest.mark.parametrize("file", folder.FILES)
@pytest.mark.parametrize("replace_by", ["folder", "broken link", "endless link", "pipe", "nothing", "hole"])
def test_what_is_no_file_of_a_solution_is_refused(saved, file, replace_by):
    path = saved / file
    path.unlink()
    if replace_by == "folder":
        path.mkdir()
    elif replace_by == "broken link":
        path.symlink_to("nowhere")
    elif replace_by == "endless link":
        path.symlink_to("/dev/zero")
    elif replace_by == "pipe":
        os.mkfifo(path)
    else:
        path.touch()
        os.truncate(path, 0 if replace_by == "nothing" else 2**34)  # a hole takes no room on the disk
    refused(lambda: load(saved), file)


@pytest.mark.parametrize("length", [0, 1, 2**31, 2**40, 2**63, 2**64 - 1])
def test_a_wrong_length_of_a_header_asks_for_no_memory(saved, length):
    for file in (folder.WEIGHTS, folder.ERGODIC):
        data = (saved / file).read_bytes()
        (saved / file).write_bytes(struct.pack("<Q", length) + data[8:])
        refused(lambda: load(saved), file)
        (saved / file).write_bytes(data)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [2**62], "data_offsets": [0, 2**64 - 1]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [], "data_offsets": [4, 0]},
        {"dtype": "F32", "shape": [2**70], "data_offsets": [0, 4]},
        {"dtype": "X99", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F4", "shape": [8], "data_offsets": [0, 4]},
        {"dtype": "F8_E8M0", "shape": [4], "data_offsets": [0, 4]},
        {"dtype": "C64", "shape": [], "data_offsets": [0, 4]},
        {"dtype": "BOOL", "shape": [4], "data_offsets": [0, 4]},
        "text",
        None,
        [1],
        {},
    ],
)
def test_a_header_that_lies_is_refused(saved, entry):
    header = json.dumps({"grid": entry}).encode()
    for file in (folder.WEIGHTS, folder.ERGODIC):
        data = (saved / file).read_bytes()
        (saved / file).write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
        refused(lambda: load(saved), ".safetensors")
        (saved / file).write_bytes(data)


# -- text that is no solution's ----------------------------------------------------------------------------------


def bomb(merge: bool) -> bytes:
    """Thirty lines that double what the one before says."""
    lines = ["a0: &a0 {x: 1}"]
    for index in range(1, 30):
        twice = f"*a{index - 1}, *a{index - 1}"
        lines.append(f"a{index}: &a{index} " + (f"{{<<: [{twice}]}}" if merge else f"[{twice}]"))
    return "\n".join([*lines, "model: *a29", "network: *a29"]).encode()


HOSTILE_YAML = {
    "call": b"model: !!python/object/apply:os.system ['touch ran']\nnetwork: {}\n",
    "new": b"model: !!python/object/new:os.system ['touch ran']\n",
    "name": b"model: !!python/name:os.system\nnetwork: {}\n",
    "tag": b"model: !mine {}\nnetwork: {}\n",
    "verbatim": b"model: !<tag:yaml.org,2002:python/name:os.system> ''\n",
    "aliases": bomb(merge=False),
    "merged": bomb(merge=True),
    "itself": b"&a {model: *a, network: *a}",
    "many": b"model: [" + b"1, " * 10**6 + b"]\n",
    "many lines": b"".join(b"a%d: 1\n" % index for index in range(10**5)),
    "deep": b"[" * 10**4,
    "deep block": b"- " * 10**5,
    "deep mapping": b"{a: " * 10**4,
    "keys": b"model: {1: 2, x: 3}\nnetwork: {}\n",
    "date": b"model: {name: 2020-01-01}\nnetwork: {}\n",
    "no date": b"model: {name: 2020-99-99}\nnetwork: {}\n",
    "bytes": b"\xff\xfe\xff",
    "control": b"model: \x00\n",
    "timestamp": b"model: {name: !!timestamp x}\n",
    "binary": b"model: {name: !!binary '*'}\n",
    "number": b"model: {name: ks98, beta: 1" + b"0" * 5000 + b"}\nnetwork: {}\n",
    "two": b"a: 1\n---\nb: 2\n",
    "list": b"[model, network]",
    "text": b"model",
    "nothing": b"",
    "groups": b"model: 1\nnetwork: [a]\n",
    "unhashable": b"? [a]\n: 1\n",
    "sets": b"model: ? a\nnetwork: {}\n",
}
HOSTILE_JSON = {
    "deep": b"[" * 10**6,
    "deep object": b'{"a":' * 10**5,
    "list": b"[]",
    "null": b"null",
    "number": b"3",
    "nothing": b"",
    "long": b'{"schema_version": 1' + b"0" * 5000 + b"}",
    "huge": b'{"schema_version": 1e999}',
    "newest": b'{"schema_version": 1' + b"0" * 4000 + b"}",
    "nan": b'{"schema_version": NaN}',
    "true": b'{"schema_version": true}',
    "surrogate": b'{"schema_version": 3, "\\ud800": 1}',
    "latin": b'{"a": "\xe9"}',
    "twice": b'{"schema_version": 3, "schema_version": 4}',
    "digests": b'{"schema_version": 3, "digests": [1]}',
    "many": b"[" + b"1," * (2**23) + b"1]",
}


@pytest.mark.parametrize(
    "file, data",
    [
        *(pytest.param(folder.CONFIG, data, id=f"yaml {name}") for name, data in HOSTILE_YAML.items()),
        *(pytest.param(folder.META, data, id=f"json {name}") for name, data in HOSTILE_JSON.items()),
    ],
)
def test_hostile_text_is_refused_in_no_time_and_nothing_runs(saved, monkeypatch, file, data):
    monkeypatch.chdir(saved)
    (saved / file).write_bytes(data)
    began = time.monotonic()
    refused(lambda: load(saved), str(saved))
    assert time.monotonic() - began < 10
    assert {path.name for path in saved.iterdir()} == set(folder.FILES)


def test_white_space_and_comments_are_free(saved, solution):
    meta = json.loads((saved / folder.META).read_text())
    (saved / folder.META).write_text(json.dumps(dict(reversed(meta.items())), indent=7))
    text = (saved / folder.CONFIG).read_text()
    (saved / folder.CONFIG).write_text("# mine\n" + text.replace("\n", "\r\n"))
    assert same(load(saved), solution)


class Opens:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


@pytest.mark.parametrize("file", folder.FILES)
@pytest.mark.parametrize(
    "write",
    [
        lambda path, trap: path.write_bytes(pickle.dumps(trap)),
        lambda path, trap: torch.save({"grid": trap}, path),
        lambda path, trap: torch.save({"grid": trap}, path, _use_new_zipfile_serialization=False),
    ],
)
def test_a_pickle_is_never_opened(saved, tmp_path, file, write):
    write(saved / file, Opens(tmp_path / "ran"))
    refused(lambda: load(saved), file)
    assert not (tmp_path / "ran").exists()


# -- well-formed, with right digests -----------------------------------------------------------------------------


def forge(saved, **changes):
    """The solution with its contents changed, and digests that are right."""
    contents = folder.read(saved)
    parts = {name: dict(getattr(contents, name)) for name in ("weights", "ergodic", "config", "meta")}
    parts["config"] = {group: dict(settings) for group, settings in parts["config"].items()}
    for part, change in changes.items():
        change(parts[part])
    folder.write(saved, folder.Contents(**parts), overwrite=True)


def model(**settings):
    return lambda config: config["model"].update(settings)


def network(**settings):
    return lambda config: config["network"].update(settings)


LONG = "x" * 50_000


@pytest.mark.parametrize(
    "change, words",
    [
        (model(_target_="os.system"), ["_target_"]),
        (network(_target_="os.system"), ["_target_"]),
        *(
            (model(name=name), ["no economy"])
            for name in (
                "../evil",
                "..preferences",
                "markov",
                "economy",
                "__init__",
                "",
                3,
                ["ks98"],
                None,
                True,
                {"a": 1},
                "ks98\n",
                LONG,
                "ks98.yaml",
                "KS98",
                "ks98\0",
            )
        ),
        (model(beta="${oc.env:HOME}"), ["beta"]),
        (model(beta=[0.9]), ["beta"]),
        (model(beta=True), ["beta"]),
        (model(beta=float("nan")), ["beta"]),
        (model(beta=10**400), ["beta"]),
        (model(productivity=[]), ["config.yaml"]),
        (model(productivity=[1.0] * 9000), ["config.yaml"]),
        (model(unemployment=LONG), ["unemployment"]),
        (model(chain_matrix=[[[[]]]]), ["config.yaml"]),
        (model(chain_matrix={"a": 1}), ["chain_matrix"]),
        (network(name=3), ["network.name"]),
        (network(name=["a"]), ["network.name"]),
        (network(width=10**9), ["weights"]),
        (network(width=10**30), ["weights"]),
        (network(depth=10**9), ["network.depth"]),
        (network(ensemble=10**9), ["weights"]),
        (network(moments=10**4, moment_width=10**4), ["weights"]),
        (network(width=10**5, quantiles=10**4), ["weights"]),
        (network(width=8.0), ["network.width"]),
        (network(width=True), ["network.width"]),
        (network(width="${run}"), ["width"]),
        (network(width=-1), ["width"]),
        (network(width=1000, depth=3), ["weights.safetensors"]),
        (network(activation="${oc.env:HOME}"), ["activation"]),
        (network(activation=["tanh"]), ["activation"]),
        (network(base="no"), ["network.base"]),
        (network(aggregate_scale=float("inf")), ["aggregate_scale"]),
        (network(aggregate_scale="1"), ["aggregate_scale"]),
        (network(moment_states="k"), ["moment_states"]),
        (network(moment_states=[[1]]), ["moment_states"]),
        (network(moments=None), ["moments"]),
        (network(quantiles=10**9), ["quantiles"]),
        (lambda config: config["network"].clear(), ["config.yaml"]),
        (lambda config: config.update(network=[1]), ["'network'"]),
        (lambda config: config.update(model=None), ["'model'"]),
    ],
)
def test_hostile_settings_are_refused(saved, change, words):
    forge(saved, config=change)
    began = time.monotonic()
    refused(lambda: load(saved), *words)
    assert time.monotonic() - began < 10


def put(name, value):
    return lambda tensors: tensors.update({name: value})


def spoil(name, index, value):
    def change(tensors):
        tensors[name] = tensors[name].clone()
        tensors[name][index] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        spoil("grid", 1, float("nan")),
        spoil("grid", -1, float("inf")),
        spoil("grid", 0, -1.0),
        spoil("grid", 1, 0.0),
        spoil("grid", 2, 500.0),
        spoil("mass", (0, 0), float("nan")),
        spoil("mass", (0, 0), -0.1),
        spoil("mass", (1, 3), 0.9),
        spoil("mass", (0, 0), float("inf")),
        put("grid", torch.zeros(0, dtype=torch.float64)),
        put("grid", torch.zeros(1, dtype=torch.float64)),
        put("grid", torch.zeros((), dtype=torch.float64)),
        put("grid", torch.zeros(2, 2, dtype=torch.float64)),
        put("mass", torch.full((2, 4), 0.25, dtype=torch.float64)),
        put("mass", torch.full((8, 2), 0.125, dtype=torch.float64)),
        put("mass", torch.ones(1, dtype=torch.float64)),
        put("grid", torch.arange(4)),
        put("mass", torch.ones(2, 8, dtype=torch.complex64)),
        put("grid", torch.arange(4.0)),
        put("grid", torch.ones(4, dtype=torch.bool)),
        put("more", torch.ones(1, dtype=torch.float64)),
        lambda tensors: tensors.pop("grid"),
        lambda tensors: tensors.clear(),
        put(LONG, torch.ones(1, dtype=torch.float64)),
    ],
)
def test_a_hostile_cross_section_is_refused(saved, change):
    forge(saved, ergodic=change)
    refused(lambda: load(saved))


@pytest.mark.parametrize(
    "change",
    [
        put("policy.mlp.0.bias", torch.full((3,), torch.nan)),
        put("policy.mlp.0.bias", torch.full((3,), torch.inf)),
        put("policy.mlp.0.bias", torch.zeros(3).double()),
        put("policy.mlp.0.bias", torch.zeros(3).int()),
        put("policy.mlp.0.bias", torch.zeros(3).half()),
        put("policy.mlp.0.bias", torch.zeros(1)),
        put("policy.mlp.0.bias", torch.zeros(3, 1)),
        put("policy.mlp.9.bias", torch.zeros(3)),
        put("../evil", torch.zeros(3)),
        put("policy.__class__", torch.zeros(3)),
        put("other.mlp.0.bias", torch.zeros(3)),
        put(LONG, torch.zeros(1)),
        lambda tensors: tensors.pop("policy.mlp.0.bias"),
        lambda tensors: tensors.clear(),
    ],
)
def test_hostile_weights_are_refused(saved, change):
    forge(saved, weights=change)
    refused(lambda: load(saved), "weights.safetensors")


WRONG = [
    3,
    2.5,
    "text",
    [1],
    {"a": "b"},
    {"a": [1]},
    {"a": None},
    True,
    10**400,
    {"a": 10**400},
    {"a": True},
    None,
    {"seconds": 3},
    {"seconds": {"training": "long"}},
    {"peak_memory_mb": "much"},
    {"a": [1, 2], "b": [1]},
    {"a": ["x"]},
    "2020-01-01\n",
    "\x1b[2J",
    "\ud800",
    "<script>",
    float("nan"),
    {"a": float("nan")},
]
ENTRIES = ("measures", "history", "seed", "made_by", "algorithm", "created", "deepham", "torch")


@pytest.mark.parametrize("name", ENTRIES)
def test_wrong_meta_data_is_refused_or_shown(solution, name):
    """What is free to be anything is shown, and what is read is of its kind."""
    for value in WRONG:
        found = copy.copy(solution)
        found.meta = solution.meta | {name: value}
        try:
            check_meta(found.meta)
        except InputError as error:
            assert len(str(error).splitlines()) == 1 and f"under {name}" in str(error)
        else:
            assert "\n" not in repr(found) and "\x1b" not in found.summary()
            found.summary().encode()
            subject = ReportedSolution("main", found, {}, None, [])
            assert all(
                cell == cell.encode().decode() for row in manifest_file_table([subject], {}).rows for cell in row
            )
            training([subject])
            judge(found.meta["measures"], BAR_SETS["standard"])


@pytest.mark.parametrize(
    "name, value",
    [
        ("measures", [1]),
        ("measures", {"a": "b"}),
        ("history", 3),
        ("history", {"a": [1], "b": []}),
        ("seed", {"a": 1}),
        ("made_by", "me"),
        ("made_by", {"seconds": "x"}),
        ("made_by", {"peak_memory_mb": []}),
        ("algorithm", []),
        ("created", "yesterday"),
        ("created", 3),
        ("deepham", None),
        ("torch", "2\n3"),
    ],
)
def test_meta_data_of_another_kind_is_refused(saved, name, value):
    forge(saved, meta=lambda meta: meta.update({name: value}))
    refused(lambda: load(saved), "meta: expected", name)


@pytest.mark.parametrize(
    "version, words", [(5, "upgrade"), (3, "train it again"), (0, "schema_version"), ("4", "schema_version")]
)
def test_another_schema_version_is_refused_by_name(saved, version, words):
    meta = json.loads((saved / folder.META).read_text())
    (saved / folder.META).write_text(json.dumps(meta | {"schema_version": version}))
    refused(lambda: load(saved), words)


@pytest.mark.parametrize(
    "path", ["a\0b", "a\nb", "x" * 5000, "/".join(["x"] * 3000), "../ks98/../..", b"ks98", 3, None, [], "\x1b[2J"]
)
def test_a_path_that_is_none_is_refused(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        load(path)
    assert len(str(caught.value).splitlines()) == 1


def test_numbers_of_numpy_and_shared_lists_are_saved_as_data(tmp_path):
    """YAML would write them as objects and aliases, which are not read."""
    made = make(beta=np.float64(0.98), unemployment=[0.5, 0.5], chain_matrix=[[0.25] * 4] * 4)
    assert same(load(made.save(tmp_path / "solution")), made)


# -- grid solutions ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ks98_once():
    return economics.create("ks98")


@pytest.fixture(scope="module")
def reference(ks98_once):
    grid = Grid(*(torch.tensor(nodes, dtype=torch.float64) for nodes in ([0.0, 20.0, 40.0, 80.0], [30.0, 40.0, 50.0])))
    values = torch.arange(48, dtype=torch.float64).reshape(2, 2, 3, 4) + 1
    start = torch.full((1, 8), 0.125, dtype=torch.float64)
    two = torch.tensor([0.1, 0.2], dtype=torch.float64)
    return GridSolution(
        "ks98",
        ks98_once,
        LawOfMotion(two, two + 1),
        two + 2,
        GridFunction(grid, values, ks98_once.spendable),
        GridFunction(grid, -values, None),
        grid.k + 0,
        start,
        {"gini": 0.3},
        "0123456789abcdef",
        start.expand(2, -1),
    )


@pytest.fixture
def stored(reference, ks98_once, tmp_path):
    path = tmp_path / store.file_name("ks98", ks98_once, SETTINGS)
    path.write_bytes(store._bytes(reference))
    return path


def lost(stored, economy) -> None:
    assert store.find("ks98", economy, SETTINGS, stored.parent) is None
    refused(lambda: store.read(stored, "ks98", economy), "reference:")


def test_the_small_grid_solution_is_one(stored, ks98_once, reference):
    for found in (store.read(stored, "ks98", ks98_once), store.find("ks98", ks98_once, SETTINGS, stored.parent)):
        assert torch.equal(found.policy_function.values, reference.policy_function.values)
        assert torch.equal(found.mass, reference.mass) and found.measures == reference.measures


def test_a_truncated_grid_solution_is_none(stored, ks98_once):
    data = stored.read_bytes()
    for length in lengths(data, header_of(data, stored.name)):
        stored.write_bytes(data[:length])
        lost(stored, ks98_once)


def test_a_grid_solution_with_a_flipped_bit_is_none(stored, ks98_once):
    data = stored.read_bytes()
    for byte, bit in flips(data, seed=2):
        stored.write_bytes(flipped(data, byte, bit))
        lost(stored, ks98_once)


@pytest.mark.parametrize("old, new", [("0.3}", "0.4}"), ("0.99", "0.98"), ("0.36", "0.37"), ('"F64"', '"I64"')])
def test_what_a_grid_solution_says_of_itself_is_covered(stored, ks98_once, old, new):
    data = stored.read_bytes()
    assert old.replace('"', "").encode() in data
    stored.write_bytes(data.replace(old.encode(), new.encode(), 1))
    lost(stored, ks98_once)


def redigest(stored, tensors=None, **said):
    """Written again with other contents and a digest that is right."""
    with safetensors.safe_open(stored, framework="pt") as file:
        found, metadata = {key: file.get_tensor(key) for key in file.keys()}, file.metadata()
    metadata.pop("digest")
    found, metadata = found | (tensors or {}), metadata | said
    found = {key: tensor for key, tensor in found.items() if tensor is not None}
    save_file(found, stored, metadata | {"digest": store._digest(found, metadata)})


@pytest.mark.parametrize(
    "tensors, said",
    [
        ({"policy": torch.ones(2, 2, 3, 5, dtype=torch.float64)}, {}),
        ({"policy": None}, {}),
        ({"nodes": torch.arange(4)}, {}),
        ({"grid.k": torch.zeros(4, dtype=torch.float64)}, {}),
        ({"grid.K": torch.tensor([-1.0, 1, 2], dtype=torch.float64)}, {}),
        ({"value": torch.full((2, 2, 3, 4), torch.nan, dtype=torch.float64)}, {}),
        ({"more": torch.ones(1)}, {}),
        ({"start": torch.full((1, 8), 0.25, dtype=torch.float64)}, {}),
        ({"mass": torch.full((2, 8), 0.25, dtype=torch.float64)}, {}),
        ({"mass": torch.full((1, 8), 0.125, dtype=torch.float64)}, {}),
        ({"law.slope": torch.ones(3, dtype=torch.float64)}, {}),
        ({"policy": torch.ones(2, 2, 3, 4).half()}, {}),
        ({"start": torch.tensor([[2.0, -1] + [0] * 6]).double()}, {}),
        ({}, {"measures": "[1]"}),
        ({}, {"measures": '{"a": "b"}'}),
        ({}, {"measures": "[" * 10**5}),
        ({}, {"measures": "x"}),
        ({}, {"calibration": "[]"}),
        ({}, {"calibration": "null"}),
        ({}, {"calibration": '{"beta": 2.0}'}),
        ({}, {"objective": '"nobody"'}),
        ({}, {"other": "x"}),
    ],
)
def test_hostile_content_with_a_right_digest_is_no_grid_solution(stored, ks98_once, tensors, said):
    redigest(stored, tensors, **said)
    lost(stored, ks98_once)


def test_a_grid_solution_of_another_economy_is_none(stored, reference):
    brock = economics.create("brock_mirman")
    refused(lambda: store.read(stored, "brock_mirman", brock), "reference:")


@pytest.mark.parametrize("instead", ["folder", "pipe", "broken link", "pickle", "nothing", "missing"])
def test_what_is_no_file_is_no_grid_solution(stored, ks98_once, tmp_path, instead):
    stored.unlink()
    if instead == "folder":
        stored.mkdir()
    elif instead == "pipe":
        os.mkfifo(stored)
    elif instead == "broken link":
        stored.symlink_to("nowhere")
    elif instead == "pickle":
        stored.write_bytes(pickle.dumps(Opens(tmp_path / "ran")))
    elif instead == "nothing":
        stored.touch()
    lost(stored, ks98_once)
    assert not (tmp_path / "ran").exists()
