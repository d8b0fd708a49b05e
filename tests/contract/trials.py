"""Runs in processes of their own that are killed: `python trials.py <folder> <signal> <seed> <trials> <argument> ...`

Prints one line of JSON for each trial: when the signal came, the exit codes, and what the run left in the end. The
modules are imported once and each run is a fork, so that a trial takes a second.
"""

import hashlib
import importlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from deepham.commands.cli import train

for name in (
    "deepham.commands.train",
    "deepham.callbacks.asset_distribution",
    "deepham.callbacks.bellman_errors",
    "deepham.callbacks.progress",
    "pytorch_optimizer",
    "torch.utils.tensorboard",
):
    importlib.import_module(name)  # once for all forks


def start(folder: Path, arguments: list[str]) -> int:
    """Fork a run; its process id."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        os.chdir(folder)
        output = os.open("output.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1), os.dup2(output, 2)
        sys.argv = ["train.py", *arguments]
        code = train()
    except KeyboardInterrupt:  # before the entry listens
        code = 130
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)


def end(child: int) -> int:
    """Its exit code as a shell tells it: 128 + signal for a process that a signal has ended."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return 128 - code if code < 0 else code


def outcome(folder: Path) -> dict:
    """What has to be the same whatever happened on the way."""
    run, logs = folder / "checkpoints/r", folder / "logs/r"
    rows = [line.split(",") for line in (logs / "metrics.csv").read_text().splitlines()]
    kept = [index for index, name in enumerate(rows[0]) if not name.startswith("timing/")]
    return {
        "weights": hashlib.sha256((run / "weights.safetensors").read_bytes()).hexdigest(),
        "ergodic": hashlib.sha256((run / "ergodic.safetensors").read_bytes()).hexdigest(),
        "measures": json.loads((run / "metrics.json").read_text())["measures"],
        "rows": [[row[index] for index in kept] for row in rows],
        "state": json.loads((run / "status.json").read_text())["state"],
        "left": sorted(path.name for path in [*run.iterdir(), *logs.iterdir()] if path.name.endswith(".tmp")),
    }


def main(home: str, number: str, seed: str, trials: str, *arguments: str) -> None:
    generator = random.Random(int(seed))
    signum = int(number)
    undisturbed = Path(home) / "undisturbed"
    undisturbed.mkdir()
    began = time.monotonic()
    code = end(start(undisturbed, ["run=r", *arguments]))
    duration = time.monotonic() - began
    print(json.dumps({"codes": [code], "outcome": outcome(undisturbed)}), flush=True)
    for trial in range(int(trials)):
        folder = Path(home) / f"trial{trial}"
        folder.mkdir()
        codes, moments = [], []
        while not codes or codes[-1] != 0:
            child = start(folder, ["run=r", "ckpt_path=auto", *arguments])
            if len(codes) < 2:  # twice in each trial
                moments.append(generator.uniform(0, duration))
                time.sleep(moments[-1])
                try:
                    os.kill(child, signum)
                except ProcessLookupError:
                    pass
            codes.append(end(child))
            status = folder / "checkpoints/r/status.json"
            if signum != signal.SIGKILL and codes[-1] == 128 + signum and status.exists():
                moments.append(json.loads(status.read_text())["state"])
            if codes[-1] not in (0, 128 + signum) or len(codes) > 3:
                break
        said = (folder / "output.txt").read_text()
        print(
            json.dumps(
                {"codes": codes, "moments": moments, "outcome": outcome(folder) if codes[-1] == 0 else said[-3000:]}
            ),
            flush=True,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
