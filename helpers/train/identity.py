"""What makes a run this run and no other, in plain values: kept in its checkpoint, and compared between its processes.

`described` turns settings, networks and augmentations into nested dicts of numbers and words that
are equal, in another process too, where the things do the same; `differences` names what is not.
"""

import functools
import re
import sys
import types
import zlib

import numpy as np
import torch
from torch import nn

MOST_OBJECTS = 10_000  # that are looked into; of any further one its class must do
INSTALLED = re.compile(r"[/\\\\](site|dist)-packages[/\\\\]")
LONGEST = 200  # characters of a thing that can only be described by how it is written


def described(thing, by_value=True, known=None):
    """The thing as nested dicts and lists of numbers, words and None.

    A function is described by its code and by the values that it uses: defaults, enclosed variables,
    and plain globals.  An object by its class, the code of the class, and its attributes.  Functions
    and classes of installed libraries by their names.
    by_value: a network's weights are described by their numbers; else by shape and dtype alone.
    known: numbers of what is being looked into, or has been, by id.
    """
    if isinstance(thing, (np.generic, np.ndarray, torch.Tensor)) and thing.ndim == 0:
        thing = thing.item()
    if thing is None or isinstance(thing, (bool, str)):
        return thing
    if isinstance(thing, int):
        return int(thing)
    if isinstance(thing, float):
        return float(thing) if thing == thing else "nan"  # which equals itself
    known = {"looked into": 0} if known is None else known
    inside = functools.partial(described, by_value=by_value, known=known)
    if isinstance(thing, np.ndarray):
        plain = thing.tolist() if thing.dtype.hasobject else thing.tobytes()
        return inside({"dtype": str(thing.dtype), "shape": thing.shape, "values": plain})
    if isinstance(thing, torch.Tensor):
        return _numbers(thing, by_value)
    if isinstance(thing, bytes):
        return _number_of(thing)
    if isinstance(thing, type):
        return f"{thing.__module__}.{thing.__qualname__}"
    if id(thing) in known:
        return f"number {known[id(thing)]} of those above"  # it may even lead back to itself
    known["looked into"] += 1
    if known["looked into"] > MOST_OBJECTS:
        return inside(type(thing))
    known[id(thing)] = known["looked into"]
    description = _looked_into(thing, inside, by_value)
    if isinstance(thing, (dict, list, tuple, set, frozenset)):
        del known[id(thing)]  # two equal ones are described alike, whether or not they are one
    return description


def _looked_into(thing, inside, by_value):
    """A container, a function or an object, by what it consists of."""
    if isinstance(thing, dict):
        return {str(key): inside(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [inside(value) for value in thing]
    if isinstance(thing, (set, frozenset)):
        return sorted((inside(value) for value in thing), key=repr)
    if isinstance(thing, functools.partial):
        return inside({"partial": thing.func, "arguments": thing.args, "keywords": thing.keywords})
    if isinstance(thing, types.MethodType):
        return inside({"method": thing.__func__, "of": thing.__self__})
    if isinstance(thing, types.FunctionType) and _is_ours(thing):
        return _function(thing, inside)
    if isinstance(thing, nn.Module):
        return _module(thing, inside, by_value)
    says_nothing = type(thing).__repr__ is object.__repr__
    if hasattr(thing, "__dict__") and (_is_ours(type(thing)) or says_nothing):
        return {"class": inside(type(thing)), "code": _class_code(type(thing), inside), **inside(vars(thing))}
    return re.sub(" at 0x[0-9a-fA-F]+", "", repr(thing))[:LONGEST]  # an address is another one in each process


def differences(before, now, name=""):
    """What differs between two descriptions: a list of (name, before, now), the names with dots, as "augment.shift"."""
    if not (isinstance(before, dict) and isinstance(now, dict)):
        return [] if before == now else [(name, before, now)]
    found = []
    for key in [*now, *(key for key in before if key not in now)]:
        found += differences(before.get(key), now.get(key), f"{name}.{key}" if name else key)
    return found


def in_words(differences, each):
    """The first three of some differences, each in such words: "{name} was {one}, is {other}"."""
    words = "; ".join(each.format(name=name, one=repr(one), other=repr(other)) for name, one, other in differences[:3])
    return words + (f"; and {len(differences) - 3} more" if len(differences) > 3 else "")


def _function(function, inside):
    """Two lambdas are two functions, though they have one name: their code tells them apart."""
    codes = _codes(function.__code__)
    enclosed = zip(function.__code__.co_freevars, function.__closure__ or ())
    used = {name: cell.cell_contents for name, cell in enclosed if cell != types.CellType()}
    for name in sorted({name for code in codes for name in code.co_names} & set(function.__globals__)):
        value = function.__globals__[name]
        neighbour = isinstance(value, types.FunctionType) and value.__module__ == function.__module__
        if neighbour or isinstance(value, (bool, int, float, str)):
            used[name] = value
    return {
        "function": function.__qualname__,
        "code": _number_of([(code.co_code, code.co_names, _constants(code)) for code in codes]),
        "defaults": inside([function.__defaults__, function.__kwdefaults__]),
        **inside(used),
    }


def _codes(code):
    """The code of a function and of those that are written in it."""
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return [code, *(deeper for each in inner for deeper in _codes(each))]


def _constants(code):
    plain = [constant for constant in code.co_consts if not isinstance(constant, types.CodeType)]
    return [sorted(map(repr, c)) if isinstance(c, frozenset) else repr(c) for c in plain]  # a set has no order


def _module(module, inside, by_value):
    """A network part by part: class, settings, weights; two of equal size are two networks."""
    own = {name: value for name, value in vars(module).items() if not name.startswith("_") and name != "training"}
    weights = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
    return {
        "class": inside(type(module)),
        "code": _class_code(type(module), inside),
        **inside(own),
        **{name: _numbers(weight, by_value) for name, weight in weights},
        "frozen": [name for name, weight in module.named_parameters(recurse=False) if not weight.requires_grad],
        **inside(dict(module.named_children())),
    }


def _class_code(kind, inside):
    """A number for the methods that a class and its parents define, libraries left out."""
    ours = [parent for parent in kind.__mro__ if _is_ours(parent)]
    methods = [(name, f) for parent in ours for name, f in vars(parent).items() if isinstance(f, types.FunctionType)]
    return _number_of([(name, inside(method)) for name, method in methods]) if methods else None


def _is_ours(function_or_class):
    """Whether it is written in the course or by the reader, and no part of Python or of a library."""
    name = function_or_class.__module__ or ""
    path = getattr(sys.modules.get(name), "__file__", None) or ""
    return name.partition(".")[0] not in sys.stdlib_module_names and not INSTALLED.search(path)


def _numbers(tensor, by_value):
    kind = f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"
    if not by_value or tensor.layout is not torch.strided or tensor.is_meta:
        return kind
    plain = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)  # NumPy knows no bfloat16
    return f"{kind} {zlib.crc32(plain.numpy()):08x}"


def _number_of(thing):
    return f"{zlib.crc32(repr(thing).encode()):08x}"
