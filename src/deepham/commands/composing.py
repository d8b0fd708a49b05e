"""Hydra's composition of a configuration, looked at before Hydra acts on it: a file of settings is data.

A file says what belongs to its group and nothing else. What Hydra itself does (callbacks, launchers, folders) and where
a run writes is for the command line alone, whoever wrote the file.
"""

from __future__ import annotations

import os
import re
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.defaults_list import create_defaults_list
from hydra._internal.hydra import Hydra
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.types import Override
from hydra.core.utils import JobRuntime
from hydra.plugins.config_source import ConfigResult
from hydra.version import VersionBase, setbase
from omegaconf import Container, DictConfig, OmegaConf

from deepham.errors import InputError, require
from deepham.system.paths import MODEL_GROUPS, conf_folder

# group -> keys that its files set; a file of any other group sets what has the group's name
RUN = (
    "model",
    "vary",
    "network",
    "algorithm",
    "trainer",
    "verdict",
    "reference",
    "callbacks",
    "seed",
    "figures",
    "solve_reference",
    "optimized_metric",
    "init_from",
)
KEYS = {
    "calibration": ("model",),
    "model": MODEL_GROUPS,
    "experiment": RUN,
    "sweep": (*RUN, "hydra"),
}
SWEEPER = ("params", "n_trials", "n_jobs", "max_failure_rate", "max_batch_size", "direction", "sampler")
BUILT = ("callbacks", "logger")  # groups whose files name classes, which `check_targets` looks at
OWN_SOURCES = ("command-line", "hydra.searchpath in command-line")  # folders that are given on the command line
NOT_TAKEN = ("config_path", "config_name", "experimental_rerun")  # flags that put other files in place of ours
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def read_words(arguments: list[str]) -> Namespace:
    """The command line as Hydra reads it: overrides, and flags such as multirun and config_dir. Raises InputError."""
    parser = get_args_parser()

    def refuse(message: str):
        raise InputError(f"command line: {message}; flags stand before all settings, and --help shows what there is")

    parser.error = refuse
    words = parser.parse_args(arguments)
    # Hydra takes this for -m
    words.multirun |= any(
        text.lstrip("+").replace(" ", "").upper() == "HYDRA.MODE=MULTIRUN" for text in words.overrides
    )
    return words


def check_flags(words: Namespace) -> None:
    """Raise InputError for a flag that puts other files in place of ours, or a folder that is not there."""
    for flag in NOT_TAKEN:
        require(
            getattr(words, flag) is None,
            f"--{flag.replace('_', '-')}: is not taken; files of your own lie in a folder, given with --config-dir",
        )
    require(
        words.config_dir is None or os.path.isdir(words.config_dir),
        f"--config-dir: {words.config_dir} is no folder; expected one with calibration/<name>.yaml, say",
    )


@contextmanager
def composing(config_dir: str | None = None) -> Iterator[ConfigLoaderImpl]:
    """Hydra, at work on conf/ and a folder of the user's in this block; what it was at before goes on afterwards."""
    known, version, runtime = GlobalHydra.instance(), VersionBase.instance(), JobRuntime.instance()
    before = known.hydra, version.version_base, runtime.conf.copy()
    known.hydra = None
    try:
        setbase("1.3")
        folders = create_config_search_path(str(conf_folder()))
        if config_dir is not None:
            before_schema = SearchPathQuery(provider="schema")
            folders.prepend("command-line", f"file://{os.path.abspath(config_dir)}", before_schema)
        Hydra.create_main_hydra2("app", folders)
        loader = known.config_loader()
        assert isinstance(loader, ConfigLoaderImpl)
        yield loader
    finally:
        known.hydra, version.version_base, runtime.conf = before


def check_files(loader: ConfigLoaderImpl, config_name: str, overrides: list[str]) -> None:
    """Look into every file that these overrides choose.

    Raises:
        InputError: a file that says more than its group does, or cannot be read.
        HydraException, OmegaConfBaseException: an unknown option, or what else Hydra has to say.
    """
    try:
        parsed, files = loader._parse_overrides_and_create_caching_repo(config_name, overrides)
        chosen = create_defaults_list(files, config_name, parsed, prepend_hydra=True, skip_missing=True).defaults
        for each in chosen:
            if each.config_path is None or each.primary or each.config_path == config_name:
                continue
            found = files.load_config(each.config_path)
            if found is None or found.provider not in (*OWN_SOURCES, "main"):
                continue  # Hydra's own, and those of its plugins
            _check_file(each.config_path, found, loader._load_single_config(each, files).config, parsed)
    except UnicodeDecodeError as error:
        raise InputError(
            f"a file of settings is not in UTF-8 ({error.reason} at byte {error.start}); save it in UTF-8"
        ) from error


def _check_file(name: str, found: ConfigResult, placed: Container, overrides: list[Override]) -> None:
    """`placed` has the file's settings where its first line, or an override, puts them."""
    group, own = name.rpartition("/")[0], found.provider in OWN_SOURCES
    file = f"{found.path.removeprefix('file://')}/{name}.yaml"
    if found.path.startswith("file://"):
        with open(file, "rb") as raw:
            require(
                not raw.read(3).startswith(BYTE_ORDER_MARKS),
                f"{file}: begins with a byte-order mark, which hides its first line; save it in UTF-8 without one",
            )
    if group.startswith("hydra"):
        require(not own, f"{file}: refused; settings of Hydra are for the command line, not for a file")
        return
    require(
        not own or group not in BUILT or group in {each.key_or_group for each in overrides},
        f"{file}: refused; a file of {group} is chosen on the command line, {group}={Path(name).name}, not by "
        "another file",
    )
    keys = KEYS.get(group, (group,))
    for key in placed:
        hint = " (its file has to begin with the line # @package model)" if group == key == "calibration" else ""
        require(
            key in keys, f"{file}: sets {key}{hint}, which is refused; a file of {group} sets {', '.join(keys)} alone"
        )
    if "hydra" in placed:
        _check_sweeper(file, placed["hydra"])
    if group not in BUILT:
        _refuse_own_keys(file, OmegaConf.to_container(placed, resolve=False))
    for default in found.defaults_list or []:
        other = (getattr(default, "group", None) or getattr(default, "path", None) or "").strip("/")
        require(
            not other.startswith("hydra") or group == "sweep" and other.startswith("hydra/sweeper"),
            f"{file}: chooses {other}, which is refused; settings of Hydra are for the command line",
        )


def _check_sweeper(file: str, hydra: DictConfig) -> None:
    """Raise InputError for more than what is swept over, and how."""
    sweeper = hydra.get("sweeper")
    sweeper = sweeper if isinstance(sweeper, DictConfig) else {}
    wrong = [f"hydra.{key}" for key in hydra if key != "sweeper"]
    wrong += [f"hydra.sweeper.{key}" for key in sweeper if key not in SWEEPER]
    params = sweeper.get("params")
    wrong += [str(key) for key in params or () if re.split("[.@/]", str(key).lstrip("+~"))[0] not in (*RUN, *KEYS)]
    require(
        not wrong,
        f"{file}: sets {', '.join(wrong)}, which is refused; of hydra.sweeper a file of sweep sets "
        f"{', '.join(SWEEPER)} alone, and in params no folders",
    )


def _refuse_own_keys(file: str, node) -> None:
    """Raise InputError for what Hydra would take for a class to build, however deep."""
    if isinstance(node, dict):
        for key, value in node.items():
            require(
                not (str(key).startswith("_") and str(key).endswith("_")),
                f"{file}: sets {key}, which is refused; only files of {' and '.join(BUILT)} name classes",
            )
            _refuse_own_keys(file, value)
    elif isinstance(node, list):
        for value in node:
            _refuse_own_keys(file, value)
