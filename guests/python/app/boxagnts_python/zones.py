"""Time zones: the files of the package tzdata, in memory."""

import io
import os
import sys
import zlib
import zoneinfo
from zoneinfo import _common, _tzpath

_zones = {}  # key: compressed TZif data


def _find_folder():
    for folder in sys.path:
        path = f"{folder}/tzdata/zoneinfo"
        if os.path.isfile(f"{path}/UTC"):
            return path
    raise FileNotFoundError("tzdata/zoneinfo is not on the build's path")


def _load(key):
    try:
        return io.BytesIO(zlib.decompress(_zones[key]))
    except (KeyError, TypeError):
        raise zoneinfo.ZoneInfoNotFoundError(
            f"No time zone found with key {key}") from None


def _available():
    return set(_zones)


def install():
    """Called once, while the component is built."""
    top = _find_folder()
    for folder, _, files in os.walk(top):
        for file in files:
            path = f"{folder}/{file}"
            with open(path, "rb") as stream:
                data = stream.read()
            if data[:4] == b"TZif":
                _zones[path.removeprefix(top + "/")] = zlib.compress(data)
    _common.load_tzdata = _load
    zoneinfo.available_timezones = _tzpath.available_timezones = _available
    zoneinfo.reset_tzpath(to=())
