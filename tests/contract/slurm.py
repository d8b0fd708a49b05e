"""A cluster of one machine: what SLURM's commands do for the jobs of a sweep, for test_slurm.py.

`python slurm.py sbatch|srun|sacct ...`, with the folder of the cluster in CLUSTER: submitted/<job> is what was
submitted, and states/<job>_<task> how a task of it is. `scontrol` and `scancel` write down how they were called.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

HOME = Path(os.environ.get("CLUSTER", "."))
COMMANDS = ("sbatch", "srun", "sacct", "scontrol", "scancel", "squeue")


def install(home: Path) -> dict[str, str]:
    """Put the commands first in the search path of the environment that is returned."""
    for folder in ("bin", "submitted", "states"):
        (home / folder).mkdir(parents=True)
    for name in COMMANDS:
        program = home / "bin" / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{Path(__file__).resolve()}" {name} "$@"\n')
        program.chmod(0o700)
    return os.environ | {"PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}", "CLUSTER": str(home)}


def directives(text: str) -> dict[str, str]:
    return dict(re.findall(r"^#SBATCH --([a-z-]+)=(.*)$", text, re.MULTILINE))


def sbatch(path: str) -> None:
    text = Path(path).read_text()
    job = 4711 + len(list((HOME / "submitted").iterdir()))
    script = HOME / "submitted" / str(job)
    script.write_text(text)
    last = int(re.match(r"0-(\d+)%", directives(text)["array"])[1]) if "array" in directives(text) else None
    for task in [None] if last is None else range(last + 1):
        name = str(job) if task is None else f"{job}_{task}"
        (HOME / "states" / name).write_text("RUNNING")
        environment = {
            "SLURM_JOB_ID": str(job if task is None else 100 * job + task),
            "SLURM_NTASKS": "1",
            "SLURM_NTASKS_PER_NODE": "1",
            "SLURM_PROCID": "0",
            "SLURM_LOCALID": "0",
            "SLURM_NODEID": "0",
            "SLURM_JOB_NUM_NODES": "1",
            "SLURM_JOB_NODELIST": "localhost",
            "SLURM_NODELIST": "localhost",
            "SLURM_JOB_NAME": "train",
        }
        if task is not None:
            environment |= {"SLURM_ARRAY_JOB_ID": str(job), "SLURM_ARRAY_TASK_ID": str(task)}
        subprocess.Popen(
            [sys.executable, __file__, "task", name, str(script)],
            env=os.environ | environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    print(f"Submitted batch job {job}")


def task(name: str, script: str) -> None:
    done = subprocess.run(["bash", script])
    (HOME / "states" / name).write_text("FAILED" if done.returncode else "COMPLETED")


def srun(*arguments: str) -> None:
    """One task, which gets a number as a step, and its output into the files that are named."""
    rest, files = list(arguments), {}
    while rest[0].startswith("--"):
        option = rest.pop(0)
        if option in ("--output", "--error"):
            files[option] = rest.pop(0)
    known = {"%A": "SLURM_ARRAY_JOB_ID", "%a": "SLURM_ARRAY_TASK_ID", "%j": "SLURM_JOB_ID", "%t": "SLURM_PROCID"}
    for number, option in ((1, "--output"), (2, "--error")):
        path = re.sub("%[Aajt]", lambda found: os.environ[known[found[0]]], files[option])
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.execvpe(rest[0], rest, os.environ | {"SLURM_STEP_ID": "0"})


def sacct(*arguments: str) -> None:
    print("JobID|State|NodeList")
    for state in (HOME / "states").iterdir():
        print(f"{state.name}|{state.read_text()}|localhost")


def note(*arguments: str) -> None:
    with open(HOME / "called", "a") as file:
        print(*arguments, file=file)


if __name__ == "__main__":
    known = {"sbatch": sbatch, "srun": srun, "sacct": sacct, "task": task}
    name, *arguments = sys.argv[1:]
    known[name](*arguments) if name in known else note(name, *arguments)
