"""What a run is made of, as short texts that can be compared: everything that its update uses, by name.

Functions are told apart by what they do, not by how they are written: a comment or a line break changes nothing.
"""

import dis
import enum
import functools
import hashlib
import sys
import sysconfig
from itertools import pairwise
from types import CellType, CodeType, FunctionType, MethodType, ModuleType, SimpleNamespace

import numpy as np
import torch

LIBRARIES = tuple({sysconfig.get_paths()[kind] for kind in ("stdlib", "purelib", "platlib")})
PLAIN = (type(None), bool, int, float, complex, str, bytes, range, torch.dtype, torch.device, np.generic)
LOOKED_INTO = (SimpleNamespace, enum.Enum, torch.nn.Module, torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)
MOVED = ("lr", "_last_lr", "last_epoch", "_step_count", "best", "num_bad_epochs", "cooldown_counter")  # by schedules
CHANGING = ("append", "extend", "insert", "pop", "popitem", "remove", "clear", "add", "discard", "update", "setdefault")
UNKNOWN = "cannot be compared"  # an open file, a place for a picture


def parts(update, state: dict, settings: dict, digests: dict) -> dict[str, str]:
    """{path: text} for the settings, for what `state` holds and for what `update` uses, and for all that is in those.

    Of a network in `state` only the shapes count, of a Diary nothing: a checkpoint has the numbers, `digests` tensors'.
    """
    found, seen = {}, {id(thing): thing for thing in state.values() if isinstance(thing, dict)}
    networks = [thing for thing in state.values() if isinstance(thing, torch.nn.Module)]
    trained = {id(tensor) for network in networks for tensor in (*network.parameters(), *network.buffers())}

    def walk(path, value):
        if isinstance(value, PLAIN):
            found[path] = f"{type(value).__name__} {value!r}"
        elif id(value) not in seen:
            seen[id(value)] = value  # the value, too: else its id could be given to another
            if isinstance(value, torch.Tensor):
                content = "" if id(value) in trained else _digest_of(value, digests)
                found[path] = f"{value.dtype} {tuple(value.shape)} {content}"
                return
            found[path], inner = _look(value)
            for name, part in inner.items():
                if name not in MOVED or (name == "lr" and "initial_lr" not in inner):
                    walk(f"{path}.{name}", part)

    for name, value in {**settings, **state, "update": update}.items():
        walk(name, value)
    return found


def _digest_of(tensor: torch.Tensor, digests: dict) -> str:
    """The digest of a tensor's numbers, from `digests` unless it has been changed meanwhile."""
    if tensor.layout != torch.strided or tensor.is_meta:
        return UNKNOWN
    now = 0 if tensor.is_inference() else tensor._version
    _, version, digest = digests.get(id(tensor), (None, None, ""))
    if version != now:
        numbers = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().view(-1).view(torch.uint8)
        digest = _digest(numbers.numpy())
        digests[id(tensor)] = tensor, now, digest
    return digest


def _digest(content) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _look(value) -> tuple[str, dict]:
    """What a value is, and what is in it, by name."""
    kind, inner = type(value).__qualname__, None
    if isinstance(value, dict):
        inner = {key if isinstance(key, PLAIN) else number: part for number, (key, part) in enumerate(value.items())}
    elif isinstance(value, (list, tuple, set, frozenset)):
        inner = dict(enumerate(sorted(value, key=repr) if isinstance(value, (set, frozenset)) else value))
    elif isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        kind, inner = f"{kind} {value.dtype} {value.shape} {_digest(np.ascontiguousarray(value))}", {}
    elif isinstance(value, FunctionType):
        kind = _code(value.__code__) if _is_ours(value) else f"{value.__module__}.{value.__qualname__}"
        inner = {"defaults": value.__defaults__, "options": value.__kwdefaults__, **_used(value)}
    elif isinstance(value, (MethodType, functools.partial)):
        names = ("__func__", "__self__", "func", "args", "keywords")
        inner = {name: getattr(value, name) for name in names if name in dir(value)}
    elif isinstance(value, type):
        kind, inner = f"{value.__module__}.{value.__qualname__}", {}
        if _is_ours(value):
            inner = {name: getattr(part, "fget", getattr(part, "__func__", part)) for name, part in vars(value).items()}
            inner = {name: part for name, part in inner.items() if isinstance(part, (FunctionType, *PLAIN))}
            inner |= {"bases": value.__bases__, "__module__": None, "__doc__": None, "__firstlineno__": None}
    elif isinstance(value, ModuleType) or type(value).__name__ in ("builtin_function_or_method", "ufunc"):
        kind, inner = value.__name__, {}
    elif hasattr(value, "__dict__") and (isinstance(value, LOOKED_INTO) or _is_ours(type(value))):
        inner = {**vars(value), "type": type(value)}
    return (UNKNOWN, {}) if inner is None else (f"{kind} of {len(inner)}", inner)


def _is_ours(thing) -> bool:
    """Whether a function, a class or a module is the reader's or the course's, not of an installed library."""
    name = getattr(thing, "__module__", None) or getattr(thing, "__name__", "")
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    elsewhere = name.split(".")[0] not in sys.stdlib_module_names and not file.startswith(LIBRARIES)
    return elsewhere or name == "__main__"  # a notebook, whatever started its kernel


def _code(code: CodeType) -> str:
    """Digest of what a function does; where it stands and what its texts explain does not count."""
    plain = [sorted(map(repr, one)) if isinstance(one, frozenset) else one for one in code.co_consts]
    inner = [_code(one) if isinstance(one, CodeType) else one for one in plain]
    everything = code.co_code, code.co_names, code.co_varnames, code.co_freevars, inner
    return _digest(repr(everything).encode("utf-8", "replace"))


def _used(function: FunctionType) -> dict[str, object]:
    """{name: value} of what a function takes from outside: closures, globals, and what it takes from our modules."""
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    used = {name: cell.cell_contents for name, cell in cells if cell != CellType()}
    if _is_ours(function):
        names = _names(function.__code__)
        used |= {name: function.__globals__[name] for name in names if name in function.__globals__}
        ours = [one for one in used.values() if isinstance(one, ModuleType) and _is_ours(one)]
        used |= {f"{one.__name__}.{name}": vars(one)[name] for one in ours for name in names if name in vars(one)}
        used |= {name: object() for name in _changed(function.__code__) & used.keys()}
    return used


def _changed(code: CodeType) -> set[str]:
    """The names that a function gives other values, and those whose list, dictionary or set it changes."""
    instructions = list(dis.get_instructions(code))
    found = {one.argval for one in instructions if one.opname in ("STORE_DEREF", "STORE_GLOBAL")}
    return found | {
        one.argval
        for one, following in pairwise(instructions)
        if following.opname in ("LOAD_METHOD", "LOAD_ATTR") and following.argval in CHANGING
    }


def _names(code: CodeType) -> list[str]:
    """Names that a function and those inside it look up, each once, in order."""
    inner = [name for one in code.co_consts if isinstance(one, CodeType) for name in _names(one)]
    return list(dict.fromkeys([*code.co_names, *inner]))
