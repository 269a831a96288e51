"""A scripted MCP server with one tool, "roses", for the tests of prompt
injection: its first argument is what the tool says of itself, the second what
it answers."""

import json
import sys

DESCRIPTION, ANSWER = sys.argv[1:3]


def answer(request):
    method = request["method"]
    if method == "initialize":
        return {"protocolVersion": request["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "garden", "version": "1"}}
    if method == "tools/list":
        return {"tools": [{"name": "roses", "description": DESCRIPTION,
                           "inputSchema": {"type": "object"}}]}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": ANSWER}]}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "method" in message and "id" in message:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"],
                          "result": answer(message)}), flush=True)
