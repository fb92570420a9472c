"""What crosses between the trusted process and the student's: plain values unchanged, handles, and nothing else."""

import contextlib
import json
import math
import socket
import struct
import sys
import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

if sys.platform == "win32":
    pytest.skip("grading needs Linux, macOS or WSL", allow_module_level=True)

from grader import border
from grader.border import BorderError, RemoteObject, Stopped, Student, StudentError
from grader.sandbox import Limits
from grader.student import Session


def across(value, gradients: bool = False):
    """A value after it was written down and read again."""
    arrays: list[bytes] = []
    tree = border.encode(value, arrays, lambda other: pytest.fail(f"{other!r} became a handle"))
    text = json.loads(json.dumps(tree))
    return border.decode(text, memoryview(b"".join(arrays)), lambda *_: None, gradients)


def same(one, other) -> bool:
    if isinstance(one, torch.Tensor):
        return (
            one.dtype == other.dtype and one.shape == other.shape and torch.equal(one.nan_to_num(), other.nan_to_num())
        )
    if isinstance(one, (np.ndarray, np.generic)):
        return type(one) is type(other) and one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, (list, tuple)):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return type(one) is type(other) and one == other


plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.complex_numbers(allow_nan=False)
keys = st.text() | st.integers() | st.booleans() | st.tuples(st.integers(), st.text())
nested = st.recursive(
    plain,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(keys, inner) | st.sets(st.integers()),
    max_leaves=20,
)


@given(nested)
@settings(max_examples=200, deadline=None)
def test_plain_values_come_across_unchanged(value):
    assert same(value, across(value))


@pytest.mark.parametrize("dtype", border.TENSORS)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3, 4)])
def test_tensors_come_across_unchanged(dtype, shape):
    tensor = (torch.rand(shape) * 10).to(getattr(torch, dtype))
    assert same(tensor, across(tensor))


@pytest.mark.parametrize("dtype", border.ARRAYS)
def test_arrays_and_scalars_come_across_unchanged(dtype):
    array = (np.arange(6).reshape(2, 3) * 1.5).astype(dtype)
    assert same(array, across(array))
    assert same(array[1, 1], across(array[1, 1]))
    assert same(array.T, across(array.T))


def test_tensors_in_odd_states():
    conjugate = torch.tensor([1 + 2j]).conj()
    assert same(across(conjugate), torch.tensor([1 - 2j]))
    view = torch.arange(6.0).reshape(2, 3).T
    assert same(across(view), view)
    assert across(torch.ones(2).expand(3, 2)).shape == (3, 2)
    assert same(across(torch.Size([2, 3])), (2, 3))
    assert across(torch.float64) is torch.float64
    assert across(np.array([1, 2], dtype=">i4")).dtype == np.dtype("i4")


def test_only_arguments_keep_their_wish_for_gradients():
    x = torch.ones(2, requires_grad=True)
    assert across(x, gradients=True).requires_grad
    assert across(x * 2, gradients=True).is_leaf
    assert not across(x).requires_grad


@pytest.mark.parametrize(
    "value",
    [
        torch.eye(2).to_sparse(),
        torch.ones(2, device="meta"),
        torch.ones(1).expand(2**30),
        np.array([object()]),
        10**4000,
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_cannot_be_checked_is_refused(value):
    with pytest.raises(BorderError):
        across(value)


def test_a_circle_ends():
    circle = []
    circle.append(circle)
    with pytest.raises(BorderError, match="nested"):
        across(circle)


trees = st.recursive(
    plain.filter(lambda value: not isinstance(value, complex)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.fixed_dictionaries(
            {},
            optional={
                name: inner
                for name in (
                    "list",
                    "tuple",
                    "set",
                    "dict",
                    "complex",
                    "dtype",
                    "tensor",
                    "shape",
                    "grad",
                    "array",
                    "scalar",
                    "handle",
                    "type",
                )
            },
        )
    ),
    max_leaves=8,
)


@given(trees, st.binary(max_size=64))
@settings(max_examples=500, deadline=None)
def test_whatever_a_message_holds_it_is_a_value_or_refused(tree, arrays):
    with contextlib.suppress(BorderError):
        border.decode(tree, memoryview(arrays), lambda number, name: "handle")


LIES = [
    {"tensor": "float32", "shape": [2**20, 2**20], "grad": False},
    {"tensor": "float32", "shape": [-1], "grad": False},
    {"tensor": "float32", "shape": [True], "grad": False},
    {"tensor": "float32", "shape": [1] * 100, "grad": False},
    {"tensor": "float32", "shape": 3, "grad": False},
    {"tensor": "Tensor", "shape": [1], "grad": False},
    {"array": "O", "shape": [1]},
    {"array": "object", "shape": [1]},
    {"scalar": "float32", "shape": [1]},
    {"dtype": "nn"},
    {"dtype": "load"},
    {"complex": ["1", "2"]},
    {"dict": [[{"list": []}, 1]]},
    {"dict": [[1]]},
    {"dict": {"a": 1}},
    {"set": [{"dict": []}]},
    {"set": list(range(5000))},
    {"handle": "1", "type": "x"},
    {"list": 3},
    {"unknown": 1},
    {},
    [1],
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: json.dumps(lie)[:40])
def test_lies_are_refused(lie):
    with pytest.raises(BorderError):
        border.decode(lie, memoryview(b"\0" * 16), lambda *_: None)


# ---------------------------------------------------------------- messages


@pytest.fixture
def pair():
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    "message",
    [
        b"\xff" * 12,  # announces terabytes
        struct.pack("<IQ", 3, 0) + b"{]}",
        struct.pack("<IQ", 2, 0) + b"[]",
        struct.pack("<IQ", 100_000, 0) + b"[" * 100_000,
        struct.pack("<IQ", 2, 0) + b"\xff\xff",
        struct.pack("<IQ", 6000, 0) + b"9" * 6000,
    ],
)
def test_what_is_no_message(pair, message):
    ours, theirs = pair
    threading.Thread(target=theirs.sendall, args=(message,), daemon=True).start()
    with pytest.raises(BorderError):
        border.receive(ours, time.monotonic() + 10)


def test_a_message_that_does_not_come(pair):
    ours, theirs = pair
    theirs.sendall(border.HEAD.pack(10, 10) + b"{")
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        border.receive(ours, begun + 0.2)
    assert time.monotonic() - begun < 2
    theirs.close()
    with pytest.raises(EOFError):
        border.receive(ours, time.monotonic() + 10)


def test_a_message_that_comes_drop_by_drop_does_not_stretch_the_deadline(pair):
    ours, theirs = pair

    def drip():
        for byte in border.HEAD.pack(1000, 0) + b"x" * 1000:
            try:
                theirs.send(bytes([byte]))
            except OSError:
                return
            time.sleep(0.05)

    threading.Thread(target=drip, daemon=True).start()
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        border.receive(ours, begun + 0.5)
    assert time.monotonic() - begun < 3


# ---------------------------------------------------------------- a student's process, here in a thread

CODE = """
import collections
import torch
from torch import nn

class Model(nn.Module):
    latent_dim = 3
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 3)
    def forward(self, x):
        return self.layer(x)

class Odd(Exception):
    pass

class OddValue(ValueError, Odd):
    pass

def fails(kind):
    raise {"value": ValueError, "key": KeyError, "os": OSError, "odd": Odd, "oddvalue": OddValue, "exit": SystemExit,
           "stop": StopIteration, "unicode": None}[kind]("why")

def bad_text():
    raise UnicodeDecodeError("utf-8", b"x", 0, 1, "reason")

def echo(*args, **kwargs):
    return args, kwargs

def twice(f, x):
    return f(f(x))

def half(x):
    return x / 2

def gradient(x):
    return torch.autograd.grad((x**3).sum(), x)[0]

def count(n):
    yield from range(n)

Pair = collections.namedtuple("Pair", "mu logvar")
pair = Pair(1, torch.ones(2))
table = {"a": [1, (2.5, None)], 7: {1, 2}}
class Box(list): pass
box = Box([5, 6, 7])
"""


@pytest.fixture
def student():
    ours, theirs = socket.socketpair()

    def serve():
        with contextlib.suppress(EOFError, OSError):
            Session(theirs, "s000042").serve()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    student = Student(ours, Limits(call=5, cell=20, total=60), time.monotonic() + 60)
    student.begin_cell(1)
    student.run("code", CODE)
    yield student
    ours.close()
    theirs.close()
    thread.join(5)


def test_functions_and_objects_stay_there_and_can_be_used(student):
    model = student.look_up("Model")()
    assert isinstance(model, RemoteObject)
    assert model.latent_dim == 3
    assert model(torch.ones(4, 2)).shape == (4, 3)
    assert not model(torch.ones(4, 2)).requires_grad
    assert model.eval() is model  # the same object is the same handle
    assert model.training is False
    weights = dict(model.state_dict())
    assert set(weights) == {"layer.weight", "layer.bias"}
    model.load_state_dict({name: torch.zeros_like(value) for name, value in weights.items()})
    assert torch.equal(model(torch.ones(1, 2)), torch.zeros(1, 3))
    assert [p.shape for p in model.parameters()] == [(3, 2), (3,)]
    assert student.look_up("twice")(student.look_up("half"), 8) == 2


def test_collections(student):
    box = student.look_up("box")
    assert (len(box), box[1], list(box), 6 in box, 9 in box) == (3, 6, [5, 6, 7], True, False)
    pair = student.look_up("pair")
    mu, logvar = pair
    assert mu == pair.mu == 1
    assert torch.equal(logvar, pair.logvar)
    assert student.look_up("table") == {"a": [1, (2.5, None)], 7: {1, 2}}
    assert list(student.look_up("count")(3)) == [0, 1, 2]
    with pytest.raises(IndexError):
        box[3]


def test_arguments_of_all_kinds(student):
    args, kwargs = student.look_up("echo")(1, torch.ones(2), [None], key={"a": np.float32(2)})
    assert same(args, (1, torch.ones(2), [None]))
    assert same(kwargs, {"key": {"a": np.float32(2)}})
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    assert torch.equal(student.look_up("gradient")(x), torch.tensor([3.0, 12.0]))


def test_what_is_ours_stays_here(student):
    with pytest.raises(TypeError, match="function cannot be handed"):
        student.look_up("echo")(lambda x: x)
    assert student.look_up("echo")(1) == ((1,), {})  # and the conversation goes on


@pytest.mark.parametrize(
    ("kind", "caught"),
    [("value", ValueError), ("key", KeyError), ("os", OSError), ("oddvalue", ValueError), ("odd", StudentError)],
)
def test_exceptions_keep_their_class(student, kind, caught):
    with pytest.raises(caught) as failed:
        student.look_up("fails")(kind)
    assert isinstance(failed.value, StudentError)
    assert str(failed.value).strip("'") == "why"
    assert failed.value.place.startswith("cell code, line ")


def test_exceptions_that_are_hard_to_make(student):
    with pytest.raises(UnicodeDecodeError) as failed:
        student.look_up("bad_text")()
    assert "reason" in str(failed.value)
    for kind in ("exit", "stop"):
        with pytest.raises(StudentError) as failed:
            student.look_up("fails")(kind)
        assert "why" in str(failed.value)


def test_private_protocols_are_not_asked_for(student):
    model = student.look_up("Model")()
    with pytest.raises(AttributeError):
        model.__array__  # noqa: B018
    with pytest.raises(TypeError):
        torch.add(model, 1)
    assert model != 1
    assert "Model" in repr(model)


def test_errors_in_cells(student):
    with pytest.raises(SyntaxError) as failed:
        student.run("broken", "x = 1\nx = = 2")
    assert failed.value.place == "cell broken, line 2"
    with pytest.raises(NameError):
        student.look_up("nowhere")
    student.run("magic", "%matplotlib inline\n!exit 3\ny = !ls\nz = 5")
    assert student.look_up("z") == 5
    assert student.look_up("student_id") == "s000042"


def test_seeds_hold(student):
    student.run("draw", "def draw():\n    return torch.rand(3)")
    student.begin_cell(5)
    first = student.look_up("draw")()
    student.begin_cell(5)
    assert torch.equal(first, student.look_up("draw")())


def test_after_the_deadline_nothing_is_answered(student):
    student._limits = Limits(call=0.3, cell=20, total=60)
    student.run("sleep", "import time\ndef sleep():\n    time.sleep(3)")
    sleep = student.look_up("sleep")
    with pytest.raises(Stopped, match="longer than"):
        sleep()
    assert not issubclass(Stopped, Exception)  # `except Exception` in a test cell does not swallow it
    with pytest.raises(Stopped):
        student.look_up("sleep")
