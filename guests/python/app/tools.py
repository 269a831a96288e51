"""The tools of the box this script runs in, as functions.

    tools.file_read("notes.txt")          the tool file-read, by position,
    tools.file_read(path="notes.txt")     by name,
    tools.file_read({"path": "notes.txt"})   or with its input as a dict
    tools.call("file-read", {"path": "notes.txt"})
    tools.list()                          what there is, with input schemas

A tool's text is returned as a str, structured output as Python objects, other
content as the list of its blocks. A tool that fails raises tools.ToolError.
"""

import inspect
import json

from componentize_py_types import Err
from wit_world.imports import calls

__all__ = ["ToolError", "call", "list"]

# The script may replace what it finds in a module.
_dumps, _loads = json.dumps, json.loads
_known = {}  # name: description of each tool, as far as they were asked for


class ToolError(Exception):
    """A tool failed or was not called; metadata is what it said besides."""

    def __init__(self, message, metadata=None):
        super().__init__(message)
        self.metadata = metadata or {}


class Text(str):
    """A tool's text; metadata is what it said besides."""

    metadata = {}


def list():
    """The tools that may be called: [{"name", "description",
    "input_schema"}]."""
    try:
        found = _loads(calls.tool_list())
    except Err as error:
        raise ToolError(str(error.value)) from None
    _known.clear()
    _known.update({tool["name"]: tool for tool in found})
    return found


def _text(content):
    """One str of a result's content, or its blocks when they are not text."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if all(isinstance(block, dict) and block.get("type") == "text"
           for block in content):
        return "\n".join(block.get("text", "") for block in content)
    return content


def call(name, input=None, /, **arguments):
    """Call a tool by its name with its input as a dict, as keywords, or
    both."""
    if input is not None and not isinstance(input, dict):
        raise TypeError("tools.call: expected the input as a dict, got "
                        + type(input).__name__)
    data = _dumps({**(input or {}), **arguments})
    try:
        result = _loads(calls.tool_call(name, data))
    except Err as error:
        raise ToolError(f"{name}: {error.value}") from None
    metadata = result.get("metadata") or {}
    content = _text(result.get("content"))
    if result.get("is_error"):
        raise ToolError(f"{name}: {content}", metadata)
    if result.get("structured") is not None:
        return result["structured"]
    if isinstance(content, str):
        content = Text(content)
        content.metadata = metadata
    return content


def _find(attribute):
    """The tool an attribute means: its name, or that with dashes."""
    for name in (attribute, attribute.replace("_", "-")):
        if name in _known:
            return _known[name]
    for name, tool in _known.items():
        if name.replace("-", "_") == attribute:
            return tool
    return None


def _parameters(tool):
    """Names of the input's properties, required ones first."""
    schema = tool.get("input_schema") or {}
    properties = schema.get("properties") or {}
    required = [name for name in schema.get("required") or []
                if name in properties]
    return required, [name for name in properties if name not in required]


def _make(tool):
    """The function of one tool."""
    name = tool["name"]
    required, optional = _parameters(tool)
    order = required + optional

    def function(*values, **arguments):
        if len(values) == 1 and isinstance(values[0], dict) and not arguments:
            return call(name, values[0])
        if len(values) > len(order):
            raise TypeError(f"tools.{function.__name__}: takes at most"
                            f" {len(order)} arguments: {', '.join(order)}")
        given = dict(zip(order, values))
        twice = given.keys() & arguments.keys()
        if twice:
            raise TypeError(f"tools.{function.__name__}: '{min(twice)}' is"
                            " given twice")
        return call(name, {**given, **arguments})

    function.__name__ = function.__qualname__ = name.replace("-", "_")
    function.__module__ = __name__
    properties = (tool.get("input_schema") or {}).get("properties") or {}
    function.__doc__ = "\n".join(
        [tool.get("description") or "", ""]
        + [f"{key}: {properties[key].get('description', '')}"
           if isinstance(properties[key], dict) else key for key in order])
    if all(key.isidentifier() for key in order):
        function.__signature__ = inspect.Signature(
            [inspect.Parameter(key, inspect.Parameter.POSITIONAL_OR_KEYWORD)
             for key in required]
            + [inspect.Parameter(key, inspect.Parameter.POSITIONAL_OR_KEYWORD,
                                 default=None) for key in optional])
    return function


def __getattr__(attribute):
    if attribute.startswith("_"):
        raise AttributeError(f"module 'tools' has no attribute '{attribute}'")
    tool = _find(attribute)
    if tool is None:
        list()
        tool = _find(attribute)
    if tool is None:
        there = ", ".join(sorted(_known)) or "none"
        raise AttributeError(f"there is no tool '{attribute}'; those that may"
                             f" be called: {there}", name=attribute)
    return _make(tool)


def __dir__():
    try:
        list()
    except ToolError:
        pass
    return sorted(__all__ + [name.replace("-", "_") for name in _known])
