"""Freed memory stays with the process: the next step does not have it handed over page by page again."""

import os
import platform
import subprocess
import sys

import pytest

STEPS = """
import resource, sys
import torch
from deepham.system.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def step():
    tensors = [torch.ones(350_000) for _ in range(20)]  # 1.4 MB each, freed together
for _ in range(2):
    step()
faults = []  # of six steps, several times: a system short of memory takes pages away now and then
for _ in range(5):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(6):
        step()
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(min(faults))
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="settings of glibc")
def test_a_step_takes_the_memory_that_the_one_before_freed():
    # glibc's own thresholds to begin with, held fixed: left alone they adapt, and the outcome depends on the moment
    environment = os.environ | {"MALLOC_TRIM_THRESHOLD_": "131072", "MALLOC_MMAP_THRESHOLD_": "131072"}
    by_default, kept = (
        int(
            subprocess.run(
                [sys.executable, "-c", STEPS, how], capture_output=True, text=True, check=True, env=environment
            ).stdout
        )
        for how in ("default", "keep")
    )
    pages = 6 * 20 * 4 * 350_000 // 4096  # of all steps
    assert by_default > pages / 2
    assert kept < pages / 100
