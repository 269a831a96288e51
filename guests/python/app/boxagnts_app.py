"""What componentize-py calls: the exports of the world in wit/world.wit.

Importing this module imports everything a script may want; the state of the
interpreter after that is what every run starts from.
"""

import sys

import wit_world
from componentize_py_types import Err
from wit_world import exports
from wit_world.imports import exit as wasi_exit

from boxagnts_python import (capture, fresh, http, inline, library, loop,
                             process, program, tool, zones)

capture.install()
http.install()
inline.install()
loop.install()
process.install()
zones.install()
library.load()
tool.warm_up()
fresh.freeze()


class WitWorld(wit_world.WitWorld):
    """Live sessions: the host calls execute() again on the same instance."""

    def execute(self, input):
        try:
            return tool.execute_cell(input)
        except tool.InputError as error:
            raise Err(str(error)) from None


class Run(exports.Run):
    """One run: a tool call or a program, by the name it is started under."""

    def run(self):
        fresh.begin()
        status = tool.main() if tool.is_called(sys.argv) else program.main()
        if status:
            wasi_exit.exit_with_code(status)
