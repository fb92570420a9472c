"""What may cross between the trusted process and the student's, and how it is written down.

Plain values cross as copies: None, bool, int, float, complex, str, list, tuple, set, dict, torch tensors, dtypes,
NumPy arrays and scalars. Everything else stays where it is; what crosses is a handle, a number, which the trusted side
wraps in a RemoteObject: it can be called, indexed, iterated, and asked for attributes.

A message is a JSON head followed by the raw bytes of the arrays in it. Nothing is unpickled and nothing is executed:
whatever the student's process sends, it is one of the values above or a BorderError.
"""

import builtins
import json
import math
import socket
import struct
import time
from collections import OrderedDict

import numpy as np
import torch

from grader.sandbox import Limits

HEAD = struct.Struct("<IQ")  # lengths of the JSON and of the arrays
MAX_JSON, MAX_BYTES, MAX_DEPTH, MAX_DIMENSIONS = 4 * 2**20, 256 * 2**20, 40, 16
MAX_KEYS = 1000  # of sets and of dicts whose keys are not strings: hashes of numbers can be made to collide
TENSORS = (  # types of numbers that cross
    *("bool", "uint8", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
)
ARRAYS = (*(name for name in TENSORS if name != "bfloat16"), "uint16", "uint32", "uint64")


class BorderError(Exception):
    """A value that may not cross, or a message that is none."""


class Stopped(BaseException):
    """The student's process is gone or out of time. No test cell can catch this by `except Exception`."""


class StudentError(Exception):
    """An exception raised by student code. Its class is also the builtin one, so `except ValueError` works."""

    def __init__(self, name: str, text: str, place: str):
        BaseException.__init__(self, text)  # some builtin classes want other arguments than a text
        self.name, self.text, self.place = name, text, place

    def __str__(self) -> str:
        return self.text


def student_error(names: list[str], text: str, place: str) -> StudentError:
    """The exception for a student's: `names` are its class and that class's bases, the nearest first."""
    for name in names:
        kind = getattr(builtins, name, None)
        is_exception = isinstance(kind, type) and issubclass(kind, Exception)
        if is_exception and not issubclass(kind, ExceptionGroup):  # whose arguments are no text
            if kind is Exception:
                break
            return type("StudentError", (StudentError, kind), {})(names[0], text, place)
    return StudentError(names[0] if names else "Exception", text, place)


# ---------------------------------------------------------------- values


def encode(value, arrays: list[bytes], handle, depth: int = 0):
    """`value` as what JSON can hold. Bytes of arrays are appended to `arrays`; `handle(object)` makes a handle."""
    if depth > MAX_DEPTH:
        raise BorderError(f"a value is nested more than {MAX_DEPTH} levels deep")

    def inner(values) -> list:
        return [encode(one, arrays, handle, depth + 1) for one in values]

    if isinstance(value, torch.Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        if dtype not in TENSORS or value.layout != torch.strided or value.is_meta:
            raise BorderError(f"a tensor of type {value.dtype}, {value.layout} cannot be checked")
        if value.numel() * value.element_size() > MAX_BYTES:
            raise BorderError(f"a tensor of shape {tuple(value.shape)} is too large to be checked")
        plain = value.detach().cpu().resolve_conj().resolve_neg().contiguous()
        arrays.append(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
        return {"tensor": dtype, "shape": list(value.shape), "grad": bool(value.requires_grad)}
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.name not in ARRAYS:
            raise BorderError(f"a NumPy array of type {value.dtype} cannot be checked")
        if value.nbytes > MAX_BYTES:
            raise BorderError(f"an array of shape {value.shape} is too large to be checked")
        native = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("="))
        arrays.append(native.tobytes())
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return {kind: value.dtype.name, "shape": list(value.shape)}
    if value is None or isinstance(value, (bool, int, float, str)):
        if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 10_000:
            raise BorderError("a whole number has more than 3000 digits")
        return value
    if isinstance(value, complex):
        return {"complex": [value.real, value.imag]}
    if isinstance(value, torch.dtype):
        return {"dtype": str(value).removeprefix("torch.")}
    if type(value) in (list, tuple, torch.Size):
        return {"list" if type(value) is list else "tuple": inner(value)}
    if type(value) in (set, frozenset):
        return {"set": inner(value)}
    if type(value) in (dict, OrderedDict):
        return {"dict": [inner(pair) for pair in value.items()]}
    return handle(value)


def decode(tree, arrays: memoryview, remote, gradients: bool = False):
    """The value that `tree` and the bytes of `arrays` describe; `remote(id, type name)` is what a handle becomes.

    With `gradients`, tensors ask for them again where they did: so arguments arrive, but never results.
    """
    used = 0

    def take(dtype: str, shape, size: int) -> bytearray:
        nonlocal used
        fine = isinstance(shape, list) and len(shape) <= MAX_DIMENSIONS
        if not fine or not all(type(n) is int and 0 <= n < 2**40 for n in shape):
            raise BorderError("an array's shape is none")
        begin, used = used, used + math.prod(shape) * size
        if used > len(arrays):
            raise BorderError("an array is longer than its message")
        return bytearray(arrays[begin:used])

    def keys(values: list) -> list:
        if len(values) > MAX_KEYS and not all(isinstance(key, str) for key in values):
            raise BorderError(f"a set or dict has more than {MAX_KEYS} keys")
        return values

    def walk(tree, depth: int):
        if depth > MAX_DEPTH + 2:
            raise BorderError("a message is nested too deeply")
        if tree is None or isinstance(tree, (bool, int, float, str)):
            return tree
        match tree:
            case {"list": [*items]}:
                return [walk(item, depth + 1) for item in items]
            case {"tuple": [*items]}:
                return tuple([walk(item, depth + 1) for item in items])
            case {"set": [*items]}:
                return set(keys([walk(item, depth + 1) for item in items]))
            case {"dict": [*items]}:
                pairs = [(walk(key, depth + 1), walk(value, depth + 1)) for key, value in items]
                keys([key for key, _ in pairs])
                return dict(pairs)
            case {"complex": [float(real), float(imaginary)]}:
                return complex(real, imaginary)
            case {"dtype": str(name)} if isinstance(getattr(torch, name, None), torch.dtype):
                return getattr(torch, name)
            case {"tensor": str(name), "shape": shape, "grad": bool(grad)} if name in TENSORS:
                dtype = getattr(torch, name)
                data = take(name, shape, dtype.itemsize)
                tensor = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
                grad = grad and gradients and (dtype.is_floating_point or dtype.is_complex)
                return tensor.reshape(shape).requires_grad_(grad)
            case {"array": str(name), "shape": shape} if name in ARRAYS:
                data = take(name, shape, np.dtype(name).itemsize)
                return np.frombuffer(data, dtype=name).reshape(shape)
            case {"scalar": str(name), "shape": []} if name in ARRAYS:
                return np.frombuffer(take(name, [], np.dtype(name).itemsize), dtype=name)[0]
            case {"handle": int(number), "type": str(name)}:
                return remote(number, name)
        raise BorderError("a message holds something that is no value")

    try:
        return walk(tree, 0)
    except (TypeError, ValueError, RuntimeError, OverflowError, RecursionError) as error:  # unhashable keys, odd shapes
        raise BorderError(f"a message holds something that is no value ({type(error).__name__})") from error


# ---------------------------------------------------------------- messages


def send(channel: socket.socket, head: dict, arrays: list[bytes]) -> None:
    text = json.dumps(head).encode("ascii")
    size = sum(len(array) for array in arrays)
    if len(text) > MAX_JSON or size > MAX_BYTES:
        raise BorderError(f"a value of {(len(text) + size) / 2**20:.0f} MB is too large to be checked")
    channel.sendall(HEAD.pack(len(text), size) + text)
    for array in arrays:
        channel.sendall(array)


def receive(channel: socket.socket, deadline: float | None = None) -> tuple[dict, memoryview]:
    """The next message, by `deadline` (of time.monotonic).

    Raises:
        BorderError: it is no message. EOFError: there is nobody at the other end. TimeoutError: the deadline passed.
    """
    length, size = HEAD.unpack(_read(channel, HEAD.size, deadline))
    if length > MAX_JSON or size > MAX_BYTES:
        raise BorderError(f"a message of {(length + size) / 2**20:.0f} MB is too large")
    text, arrays = _read(channel, length, deadline), _read(channel, size, deadline)
    try:
        head = json.loads(bytes(text))
    except (ValueError, RecursionError) as error:
        raise BorderError("a message is no JSON") from error
    if not isinstance(head, dict):
        raise BorderError("a message has no head")
    return head, memoryview(arrays)


def _read(channel: socket.socket, size: int, deadline: float | None) -> bytearray:
    data = bytearray()
    while len(data) < size:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            channel.settimeout(left)
        part = channel.recv(min(size - len(data), 2**20))  # memory grows with what came, not with what was announced
        if not part:
            raise EOFError
        data += part
    return data


# ---------------------------------------------------------------- the trusted side


class Student:
    """The trusted side's view of one student process: run a cell in it, look a name up, use what was found."""

    def __init__(self, channel: socket.socket, limits: Limits, deadline: float):
        self._channel, self._limits = channel, limits
        self._end = deadline  # for everything
        self._cell_end = deadline
        self._known: dict[int, RemoteObject] = {}
        self.stopped: str | None = None  # why nothing more can be asked

    def begin_cell(self, seed: int) -> None:
        self._cell_end = time.monotonic() + self._limits.cell
        self.ask("seed", seed=seed)

    def run(self, name: str, source: str) -> None:
        """Execute a cell. Raises StudentError or Stopped."""
        self._cell_end = time.monotonic() + self._limits.cell
        self.ask("run", slow=True, name=name, source=source)

    def extend(self, seconds: float) -> None:
        """More time for the whole notebook."""
        self._end += seconds

    def look_up(self, name: str):
        return self.ask("name", name=name)

    def ask(self, operation: str, slow: bool = False, **arguments):
        """One question to the student's process, and its answer: a value, a RemoteObject, or an exception."""
        if self.stopped:
            raise Stopped(self.stopped)
        arrays: list[bytes] = []
        question = encode(arguments, arrays, _handle_of)
        call_end = time.monotonic() + (self._limits.cell if slow else self._limits.call)
        deadline = min(call_end, self._cell_end, self._end)
        try:
            self._channel.settimeout(max(0.01, deadline - time.monotonic()))
            send(self._channel, {"op": operation, "with": question}, arrays)
            head, arrays = receive(self._channel, deadline)
        except TimeoutError:
            self.stopped = self._out_of_time(deadline)
        except (EOFError, OSError):
            self.stopped = "the process ended before it answered"
        except BorderError as error:
            self.stopped = f"its process sent what no answer looks like: {error}"
        if self.stopped:
            raise Stopped(self.stopped)
        match head:
            case {"value": value}:
                return decode(value, arrays, self._remote)
            case {"error": [*names], "text": str(text), "place": str(place)} if all(isinstance(n, str) for n in names):
                raise student_error([name[:80] for name in names[:20]], text[:2000], place[:100])
        raise BorderError("an answer is neither a value nor an error")

    def _out_of_time(self, deadline: float) -> str:
        if deadline == self._end:
            return f"the whole notebook took longer than {self._limits.total:.0f} seconds"
        if deadline == self._cell_end:
            return f"it took longer than {self._limits.cell:.0f} seconds"
        return f"one call took longer than {self._limits.call:.0f} seconds"

    def _remote(self, number: int, name: str) -> "RemoteObject":
        if number not in self._known:
            if len(self._known) > 100_000:
                raise BorderError("too many objects")
            self._known[number] = RemoteObject(self, number, name)
        return self._known[number]


def _handle_of(value):
    """What a RemoteObject is on its way back; nothing else of ours can go across."""
    if isinstance(value, RemoteObject):
        return {"handle": value._RemoteObject__number, "type": ""}
    raise TypeError(
        f"a {type(value).__name__} cannot be handed to student code: only plain values, tensors, and what came from it"
    )


class RemoteObject:
    """Something that lives in the student's process: a function, a model, an iterator.

    Attributes with two leading underscores are not asked for over there: the protocols of Python and of torch look
    for those, and must not find the student's.
    """

    def __init__(self, student: Student, number: int, name: str):
        self.__student, self.__number, self.__name = student, number, name

    def __call__(self, *args, **kwargs):
        return self.__student.ask("call", of=self, args=args, kwargs=kwargs)

    def __getattr__(self, name: str):
        if name.startswith(("__", "_RemoteObject__")):
            raise AttributeError(name)
        return self.__student.ask("attribute", of=self, name=name)

    def __getitem__(self, key):
        return self.__student.ask("item", of=self, key=key)

    def __len__(self) -> int:
        return self.__student.ask("length", of=self)

    def __iter__(self):
        iterator = self.__student.ask("iterate", of=self)
        while True:
            is_there, value = self.__student.ask("next", of=iterator)
            if not is_there:
                return
            yield value

    def __contains__(self, value) -> bool:
        return any(one is value or one == value for one in self)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<{self.__name[:40]!a} in the student's process>"
