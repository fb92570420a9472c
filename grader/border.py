"""What may cross between the trusted process and the student's, and how it is written down.

Plain values cross as copies: None, bool, int, float, complex, str, bytes, list, tuple, named tuple, set, dict, slice,
range, torch tensors, dtypes, NumPy arrays and scalars; other numbers (fractions, decimals, SymPy's) as the float or int
that they are. Everything else stays where it is; what crosses is a handle, a number, which the trusted side
wraps in a RemoteObject: it can be called, indexed, iterated, and asked for attributes.

A message is a JSON head followed by the raw bytes of the arrays in it. Nothing is unpickled and nothing is executed:
whatever the student's process sends, it is one of the values above or a BorderError.
"""

import builtins
import decimal
import json
import math
import numbers
import socket
import struct
import time
import unicodedata
from collections import Counter, OrderedDict, defaultdict, namedtuple
from collections.abc import Callable, Iterable

import numpy as np
import torch

from grader.limits import Limits

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
        plain = value.detach().cpu().resolve_conj().resolve_neg()
        plain = plain.view(torch.int16) if plain.dtype == torch.bfloat16 else plain  # which NumPy does not know
        arrays.append(plain.numpy().tobytes())  # in the order of the indices, whatever the strides are
        return {"tensor": dtype, "shape": list(value.shape), "grad": bool(value.requires_grad)}
    if isinstance(value, (np.ndarray, np.generic)):
        if value.dtype.kind == "U":
            if isinstance(value, np.generic):
                return str(value)
            return {"words": inner(value.ravel().tolist()), "shape": list(value.shape)}
        if value.dtype.name in ("float128", "complex256", "longdouble", "clongdouble"):
            value = value.astype(np.float64 if value.dtype.kind == "f" else np.complex128)
        if value.dtype.name not in ARRAYS:
            raise BorderError(f"a NumPy array of type {value.dtype} cannot be checked")
        if value.nbytes > MAX_BYTES:
            raise BorderError(f"an array of shape {value.shape} is too large to be checked")
        native = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("="))
        arrays.append(native.tobytes())
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return {kind: value.dtype.name, "shape": list(value.shape)}
    if value is None or isinstance(value, (bool, int, float, str)):
        if isinstance(value, str) and not value.isascii():
            return value.encode("utf-8", "replace").decode()  # half a character is none
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
    if type(value) in (dict, OrderedDict, defaultdict, Counter):
        return {"dict": [inner(pair) for pair in value.items()]}
    if type(value) is slice:
        return {"slice": {"tuple": inner((value.start, value.stop, value.step))}}
    if type(value) is range:
        return {"range": {"tuple": inner((value.start, value.stop, value.step))}}
    if value is Ellipsis:
        return {"ellipsis": True}
    if type(value) in (bytes, bytearray):
        arrays.append(bytes(value))
        return {"bytes": len(value)}
    if isinstance(value, tuple) and (fields := fields_of(type(value))):
        return {"named": type(value).__name__[:80], "fields": fields, "values": {"tuple": inner(tuple(value))}}
    number = as_number(value)
    return handle(value) if number is None else number


def fields_of(kind: type) -> list[str] | None:
    """The fields of a named tuple, or of what torch returns like one; None where the class can do more than that."""
    fields = getattr(kind, "_fields", None)
    if fields is not None and kind.__bases__ == (tuple,):
        own = {name for name in vars(kind) if not name.startswith("_")}
        return list(fields) if own <= set(fields) else None
    return list(kind.__match_args__) if kind.__module__ == "torch.return_types" else None


def as_number(value) -> int | float | None:
    """A number of another library as Python's own; None for what is none. Classes that are not well known stay out."""
    home = type(value).__module__.partition(".")[0]
    known = isinstance(value, (numbers.Real, decimal.Decimal)) or home in ("sympy", "mpmath")
    if not known or isinstance(value, type):
        return None
    try:
        return int(value) if isinstance(value, numbers.Integral) else float(value)
    except (TypeError, ValueError, OverflowError, AttributeError):
        return None


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
            case {"words": [*items], "shape": [*shape]} if all(isinstance(item, str) for item in items):
                sizes = [n for n in shape if type(n) is int and 0 <= n <= len(items)]
                return np.array(items, dtype=np.str_).reshape(sizes)
            case {"named": str(name), "fields": [*fields], "values": {"tuple": [*items]}} if len(fields) < 100:
                kind = namedtuple(name if name.isidentifier() else "Named", fields, rename=True)
                return kind(*[walk(item, depth + 1) for item in items])
            case {"slice": {"tuple": [start, stop, step]}}:
                return slice(*(walk(part, depth + 1) for part in (start, stop, step)))
            case {"range": {"tuple": [int(start), int(stop), int(step)]}}:
                return range(start, stop, step)
            case {"ellipsis": True}:
                return Ellipsis
            case {"bytes": int(length)}:
                return bytes(take("uint8", [length], 1))
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


def receive(
    channel: socket.socket, deadline: float | None = None, more: Callable[[], float] | None = None
) -> tuple[dict, memoryview]:
    """The next message, by `deadline` (of time.monotonic), which `more()` may have put off when it has come.

    Raises:
        BorderError: it is no message. EOFError: there is nobody at the other end. TimeoutError: the deadline passed.
    """
    until = [deadline]
    length, size = HEAD.unpack(_read(channel, HEAD.size, until, more))
    if length > MAX_JSON or size > MAX_BYTES:
        raise BorderError(f"a message of {(length + size) / 2**20:.0f} MB is too large")
    text, arrays = _read(channel, length, until, more), _read(channel, size, until, more)
    try:
        head = json.loads(bytes(text))
    except (ValueError, RecursionError) as error:
        raise BorderError("a message is no JSON") from error
    if not isinstance(head, dict):
        raise BorderError("a message has no head")
    return head, memoryview(arrays)


def _read(channel: socket.socket, size: int, until: list, more: Callable[[], float] | None) -> bytearray:
    data = bytearray()
    while len(data) < size:
        if until[0] is not None:
            left = until[0] - time.monotonic()
            if left <= 0 and more is not None:
                until[0] = more()
                left = until[0] - time.monotonic()
            if left <= 0:
                raise TimeoutError
            channel.settimeout(left)
        try:
            part = channel.recv(min(size - len(data), 2**20))  # memory grows with what came
        except TimeoutError:
            continue
        if not part:
            raise EOFError
        data += part
    return data


def readable(text: str, limit: int = 2000) -> str:
    """Text of a learner's as it may be printed and put into pages: no controls, escapes, or letters that write
    backwards or are halves."""
    text = text[: 4 * limit].encode("utf-8", "replace").decode()
    fine = (letter if unicodedata.category(letter) not in ("Cc", "Cs", "Cf", "Co", "Cn") else " " for letter in text)
    return "".join(letter for letter in fine)[:limit]


# ---------------------------------------------------------------- the trusted side


class Clock:
    """How long a submission may take. The time for which its processes were ready to run, while the machine was busy
    with others, does not count against it.

    `waited()` says how many seconds that were until now, since the process began.
    """

    MOST = 4  # times as long as the limits say, however much it waited: nobody holds up a class for ever

    def __init__(self, limits: Limits):
        self.limits = limits
        self.begun = time.monotonic()
        self.end = self.begun + limits.total
        self.cell_end = self.end
        self.given = 0.0  # seconds that were added because the machine was busy
        self.waited: Callable[[], float] | None = None
        self._counted = 0.0

    def attend(self, waited: Callable[[], float] | None) -> None:
        """Ask this from now on: a new process has begun."""
        self.waited, self._counted = waited, 0.0

    def begin_cell(self, seconds: float) -> None:
        self.cell_end = time.monotonic() + seconds

    def put_off(self) -> float:
        """Add what was waited since this was last asked; the seconds added."""
        if self.waited is None or self.given > (self.MOST - 1) * self.limits.total:
            return 0.0
        now = self.waited()
        more, self._counted = max(0.0, now - self._counted), max(now, self._counted)
        if more < 0.02:
            return 0.0
        self.given += more
        self.end += more
        self.cell_end += more
        return more

    def extend(self, seconds: float) -> None:
        """More time for the whole notebook."""
        self.end += seconds

    @property
    def out_of_time(self) -> bool:
        return time.monotonic() > self.end and not (self.put_off() and time.monotonic() <= self.end)


class Student:
    """The trusted side's view of one student process: run a cell in it, look a name up, use what was found."""

    def __init__(self, channel: socket.socket, limits: Limits, clock: Clock | float):
        self._channel, self._limits = channel, limits
        self.clock = clock if isinstance(clock, Clock) else Clock(limits)
        self._known: dict[int, RemoteObject] = {}
        self.stopped: str | None = None  # why nothing more can be asked
        self.default = torch.float32  # what its tensors are made of where nobody says it
        self.interrupt: Callable[[], None] | None = None

    def begin_cell(self, seed: int) -> None:
        self.clock.begin_cell(self._limits.cell)
        kind = self.ask("seed", seed=seed)
        self.default = kind if kind in (torch.float32, torch.float64) else torch.float32

    def run(self, name: str, source: str, seconds: float | None = None, keep: Iterable[str] = ()) -> None:
        """Execute a cell. Raises StudentError or Stopped. With `seconds`, it is interrupted first, and keeps what it
        has defined. Functions, classes and modules that it calls by the names `keep` stay so for `look_up`, whatever
        is put in their place."""
        self.clock.begin_cell(seconds or self._limits.cell)
        cell = {"name": name, "source": source, "keep": sorted(keep)}
        self.ask("run", seconds=seconds or self._limits.cell, gently=seconds is not None, **cell)

    def look_up(self, name: str):
        return self.ask("name", name=name)

    def ask(self, operation: str, seconds: float | None = None, gently: bool = False, **arguments):
        """One question to the student's process, and its answer: a value, a RemoteObject, or an exception."""
        if self.stopped:
            raise Stopped(self.stopped)
        arrays: list[bytes] = []
        question = encode(arguments, arrays, _handle_of)
        clock, call_end, grace = self.clock, time.monotonic() + (seconds or self._limits.call), 0.0

        def deadline() -> float:
            return min(call_end, clock.cell_end, clock.end) + grace

        def more() -> float:
            nonlocal call_end, grace
            call_end += clock.put_off()
            if time.monotonic() >= deadline() and gently and not grace and self.interrupt:
                self.interrupt()
                grace = 5.0
            return deadline()

        try:
            self._channel.settimeout(max(1.0, deadline() - time.monotonic()))
            send(self._channel, {"op": operation, "with": question}, arrays)
            head, arrays = receive(self._channel, deadline(), more)
        except TimeoutError:
            self.stopped = self._out_of_time(deadline(), seconds)
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
                if grace and "KeyboardInterrupt" in names:
                    text = f"it took longer than {seconds:.0f} seconds and was interrupted"
                raise student_error([readable(name, 80) for name in names[:20]], readable(text), readable(place, 100))
        raise BorderError("an answer is neither a value nor an error")

    def _out_of_time(self, deadline: float, seconds: float | None) -> str:
        if self.clock.end <= deadline:
            return f"the whole notebook took longer than {self._limits.total:.0f} seconds"
        if self.clock.cell_end <= deadline:
            return f"it took longer than {seconds or self._limits.cell:.0f} seconds"
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
