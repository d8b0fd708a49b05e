"""Values that no argument expects, and ways to spoil one that it does."""

import datetime
import decimal
import fractions

import numpy as np
import torch
from hypothesis import strategies as st

NUMBERS = [
    float("nan"),
    float("inf"),
    float("-inf"),
    -1,
    -1.0,
    -0.0,
    0,
    0.5,
    1,
    2,
    1.0,
    1e308,
    1.7e308,
    -1e308,
    5e-324,
    10**30,
    -(10**30),
    10**400,
    True,
    False,
]
TEXTS = [
    "",
    " ",
    "abc",
    "nan",
    "1",
    "bad",
    "good",
    "a\nb",
    "a\r\n\tb",
    "\x00",
    "\x1b[31m",
    "\ud800",
    "\u2028",
    "é→∞",
    "x" * 2000,
    "${seed}",
    "good->bad",
    "a/b",
    "[",
    "{}",
]
OBJECTS = [
    None,
    b"bytes",
    (),
    [],
    {},
    [[]],
    [1.0],
    [1.0, 2.0],
    [[1.0], [1.0, 2.0]],
    [None],
    ["bad"],
    [0, 1, 0],
    1j,
    {1},
    {"k": [1.0]},
    range(2),
    object,
    len,
    Ellipsis,
    decimal.Decimal("0.5"),
    fractions.Fraction(1, 3),
    datetime.date(2000, 1, 1),
]
DTYPES = [*"?bhilqBHILQefdgFDGSUVOT", "M8[D]", "m8[D]"]
SCALARS = [np.zeros((), kind)[()] for kind in DTYPES] + [
    np.float32(0.5),
    np.float64(0.5),
    np.int64(2),
    np.longdouble("1e400"),
]
ARRAYS = [np.ones(shape, kind) for kind in "?lLefdgFUOT" for shape in ((), (2,), (2, 2))] + [
    np.zeros(0),
    np.full(3, np.nan),
    np.full((2, 1), np.inf),
    np.array([1, "a", None], object),
    np.array([10**400], object),
    np.array([(1, 2.0)], "i4,f8"),
    np.ma.masked_array([1.0, 2.0], [True, False]),
    np.array(["bad", "good"]),
]
TENSORS = [
    torch.tensor(1),
    torch.tensor(0.5),
    torch.ones(2),
    torch.ones(2, requires_grad=True),
    torch.ones(2, dtype=torch.bfloat16),
    torch.ones(2, dtype=torch.bool),
    torch.ones(2, dtype=torch.complex64),
    torch.eye(2).to_sparse(),
    torch.ones(2, device="meta"),
    torch.tensor([0, 1]),
]

ODD = [*NUMBERS, *TEXTS, *OBJECTS, *SCALARS, *ARRAYS, *TENSORS]

texts = st.sampled_from(TEXTS) | st.text(max_size=20)
numbers = st.sampled_from(NUMBERS) | st.floats() | st.integers(-10, 10)
values = st.one_of(
    numbers,
    numbers,
    numbers,
    texts,
    st.sampled_from(OBJECTS),
    st.sampled_from(SCALARS),
    st.sampled_from(ARRAYS),
    st.sampled_from(TENSORS),
    st.lists(numbers, max_size=4),
    st.binary(max_size=8),
    st.dictionaries(st.text(max_size=3), numbers, max_size=2),
)
# what a file or a command line can hold
plain_values = st.one_of(
    numbers,
    numbers,
    numbers,
    texts,
    st.none(),
    st.lists(numbers | texts, max_size=3),
    st.lists(st.lists(numbers, max_size=2), max_size=2),
    st.dictionaries(st.text(max_size=3), numbers, max_size=2),
)


def mostly(good, odd=values, of=4):
    """`good` but in one of so many cases, however many kinds of odd values there are."""
    return st.integers(1, of).flatmap(lambda case: good if case < of else odd)


@st.composite
def spoiled(draw, value, odd=values):
    """`value`, or one of its entries, replaced by something odd; of a list also an entry lost, doubled or nested."""
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        at = draw(st.integers(0, len(value) - 1))
        how = draw(st.sampled_from(("deeper", "deeper", "deeper", "lost", "doubled", "nested", "tuple")))
        if how == "deeper":
            return [*value[:at], draw(spoiled(value[at], odd)), *value[at + 1 :]]
        if how == "tuple":
            return tuple(value)
        put = {"lost": [], "doubled": [value[at], value[at]], "nested": [[value[at]]]}[how]
        return [*value[:at], *put, *value[at + 1 :]]
    return draw(odd)


@st.composite
def partly_spoiled(draw, arguments, odd=values):
    """A dict of arguments of which none (in half of the cases), one or two are spoiled."""
    arguments = dict(arguments)
    for _ in range(draw(st.sampled_from((0, 0, 1, 2)))):
        key = draw(st.sampled_from(sorted(arguments)))
        arguments[key] = draw(spoiled(arguments[key], odd))
    return arguments


def places(value, path=()):
    """Paths to a value and to everything inside its lists."""
    yield path
    if isinstance(value, list):
        for at, item in enumerate(value):
            yield from places(item, (*path, at))


def replaced(value, path, by):
    """`value` with what stands at the path replaced."""
    if not path:
        return by
    return [*value[: path[0]], replaced(value[path[0]], path[1:], by), *value[path[0] + 1 :]]
