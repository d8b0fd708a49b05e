"""Tasks of a cluster as processes of this machine, for test_nodes.py: forked from one that has imported everything."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from pathlib import Path

FORKS = multiprocessing.get_context("forkserver") if sys.platform != "win32" else None


def start(
    folder: Path,
    name: str,
    environment: dict[str, str],
    arguments: list[str],
    prepare: Callable[[], None] | None = None,
):
    """Start the training script in the folder, after `prepare`; what it prints is in <name>.out and <name>.err
    there."""
    FORKS.set_forkserver_preload(
        [
            "deepham.commands.train",
            "deepham.system.nodes",
            "deepham.callbacks.asset_distribution",
            "deepham.callbacks.bellman_errors",
            "deepham.callbacks.progress",
            "pytorch_optimizer",
        ]
    )
    process = FORKS.Process(target=_run, args=(str(folder), name, environment, arguments, prepare))
    process.start()
    return process


def end(process) -> int:
    """Its exit code as a shell tells it, once it has ended."""
    process.join(60)
    assert process.exitcode is not None, "a task does not end"
    return 128 - process.exitcode if process.exitcode < 0 else process.exitcode


def _run(folder, name, environment, arguments, prepare):
    from deepham.commands.cli import train

    os.environ.update(environment)
    os.chdir(folder)
    for number, ending in ((1, "out"), (2, "err")):
        os.dup2(os.open(f"{name}.{ending}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    if prepare is not None:
        prepare()
    sys.argv = ["train.py", *arguments]
    sys.exit(train())
