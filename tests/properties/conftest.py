"""The same cases at every run, and nothing kept between runs."""

import contextlib

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

import deepham
from deepham.errors import LONGEST, InputError

settings.register_profile(
    "same_cases", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.fixture(scope="package", autouse=True)
def same_cases():
    """The profile holds for these tests only, whichever others run in the same process.

    Hypothesis also draws numbers that it finds in the source of whatever modules are imported by then, which would make
    the cases depend on the tests that ran before.
    """
    before = settings.get_current_profile_name()
    settings.load_profile("same_cases")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(providers, "_get_local_constants", lambda: providers._local_constants)
        yield
    settings.load_profile(before)


@pytest.fixture(scope="package")
def shipped():
    """shipped(name) is a solution that comes with the package."""
    solutions = {name: deepham.load(name) for name in ("ks98", "brock_mirman")}
    return solutions.__getitem__


class Outcomes:
    """Counts what came of each case: a result, or an InputError of one line. Anything else is raised."""

    def __init__(self):
        self.valid = self.refused = 0

    @contextlib.contextmanager
    def case(self):
        """What stands inside either works, with every check on its result, or raises InputError."""
        try:
            yield
        except InputError as error:
            self.refuse(str(error))
        else:
            self.valid += 1

    def refuse(self, line):
        assert line.strip() and line.isprintable() and len(line) <= LONGEST and "Traceback" not in line, line
        self.refused += 1


@pytest.fixture
def outcomes():
    """Outcomes of drawn cases; a fifth of them at least have to be valid, and a twentieth refused."""
    counted = Outcomes()
    yield counted
    total = counted.valid + counted.refused
    assert counted.valid >= total / 5 and counted.refused >= total / 20, f"{counted.valid} of {total} cases are valid"


@pytest.fixture
def listed_outcomes():
    """Outcomes of cases from a list, of which most are refused."""
    counted = Outcomes()
    yield counted
    assert counted.valid and counted.refused
