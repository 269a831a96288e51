"""A server by the official Python SDK, over stdio, or over HTTP at the port that
is given; run by test_servers.py and test_web_servers.py in an environment that
has it."""

import os
import sys

try:
    from mcp.server.mcpserver import Context, MCPServer  # 2
except ImportError:
    from mcp.server.fastmcp import Context, FastMCP as MCPServer  # 1

server = MCPServer("python-sdk")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
async def slow(steps: int, context: Context) -> str:
    """Report progress."""
    for i in range(steps):
        await context.report_progress(i + 1, steps)
    return "done"


@server.tool()
def read(path: str) -> str:
    """Read a file."""
    with open(path, encoding="utf-8") as file:
        return file.read()


@server.tool()
def fail() -> str:
    """Fail."""
    raise ValueError("as it should")


print("started by", os.path.basename(sys.executable), file=sys.stderr)
if len(sys.argv) == 1:
    server.run()
elif hasattr(server, "settings") and hasattr(server.settings, "port"):  # 1
    server.settings.port = int(sys.argv[1])
    server.run(transport="streamable-http")
else:
    server.run(transport="streamable-http", port=int(sys.argv[1]))
