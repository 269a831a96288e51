"""What the official Python SDK sees; run by test_clients.py in an environment
that has it. argv: "handshake" or "stateless", the folder of tools, the
workspace, then the server's command."""

import asyncio
import os
import shutil
import sys

MODE, TOOLS, WORKSPACE, *COMMAND = sys.argv[1:]


def is_true(condition, what):
    if not condition:
        raise AssertionError(what)


async def check(client):
    """What both kinds of client can do."""
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    is_true("actor" in tools, tools)

    result = await client.call_tool("actor", {"do": "print", "text": "hello"})
    is_true(result.content[0].text == "hello", result)
    result = await client.call_tool("typed", {"do": "print",
                                              "text": '{"n": 1}'})
    structured = getattr(result, "structured_content", None) or getattr(
        result, "structuredContent", None)
    is_true(structured == {"n": 1}, result)
    result = await client.call_tool("actor", {"do": "fail", "text": "why"})
    is_error = getattr(result, "is_error", None) or getattr(result, "isError",
                                                           None)
    is_true(is_error and "why" in result.content[0].text, result)
    try:
        await client.call_tool("nothing", {})
        raise AssertionError("an unknown tool answered")
    except AssertionError:
        raise
    except Exception as error:  # McpError, or MCPError
        is_true("no tool 'nothing'" in str(error), error)

    resources = (await client.list_resources()).resources
    is_true([str(r.uri) for r in resources] == ["workspace:///note.txt"],
            resources)
    read = await client.read_resource(resources[0].uri)
    is_true(read.contents[0].text == "a note\n", read)

    seen = []

    async def on_progress(progress, total, message):
        seen.append(progress)

    # At once, and one that is given up: the others are not disturbed.
    calls = [client.call_tool("actor", {"do": "print", "text": str(n)})
             for n in range(50)]
    number = getattr(client, "_request_id", None)  # of the next request
    loop = asyncio.create_task(client.call_tool(
        "actor", {"do": "loop"}, progress_callback=on_progress))
    await asyncio.sleep(0)
    answers = await asyncio.gather(*calls)
    is_true([a.content[0].text for a in answers] == [str(n) for n in range(50)],
            answers)
    while len(seen) < 2:
        await asyncio.sleep(0.05)
    is_true(seen[0] < seen[1], seen)
    loop.cancel()
    try:
        await loop
    except asyncio.CancelledError:
        pass
    if number is not None:  # 1.x does not tell the server
        await cancel(client, number)
    result = await client.call_tool("actor", {"do": "print", "text": "after"})
    is_true(result.content[0].text == "after", result)


async def cancel(session, number):
    from mcp import types

    await session.send_notification(types.ClientNotification(
        types.CancelledNotification(
            method="notifications/cancelled",
            params=types.CancelledNotificationParams(requestId=number))))


async def handshake():
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    logged = []
    changed = asyncio.Event()

    async def on_log(params):
        logged.append(params)

    async def on_message(message):
        if "ToolListChanged" in repr(message):
            changed.set()

    server = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:])
    async with stdio_client(server) as (read, write), ClientSession(
            read, write, logging_callback=on_log,
            message_handler=on_message) as session:
        await session.initialize()
        await check(session)
        await session.set_logging_level("warning")
        await session.call_tool("typed", {"do": "write", "path": "/x",
                                          "text": "x"})
        while not logged:
            await asyncio.sleep(0.05)
        add_tool()
        await asyncio.wait_for(changed.wait(), 60)
        # 1.x takes news that comes while it leaves for a failure.
        while "typed-again" not in str(await session.list_tools()):
            await asyncio.sleep(0.05)
        await asyncio.sleep(1)


async def stateless():
    from mcp import Client, StdioServerParameters

    server = StdioServerParameters(command=COMMAND[0], args=COMMAND[1:])
    async with Client(server) as client:
        is_true(client.protocol_version == "2026-07-28",
                client.protocol_version)
        await check(client)
        async with client.listen(tools_list_changed=True) as subscription:
            add_tool()
            async for _ in subscription:
                break
    async with Client(server, mode="legacy") as client:
        is_true(client.protocol_version == "2025-11-25",
                client.protocol_version)
        await client.list_tools()


def add_tool():
    with open(os.path.join(TOOLS, "typed.tool.yaml"), encoding="utf-8") as file:
        manifest = file.read().replace("name: typed", "name: typed-again")
    with open(os.path.join(TOOLS, "typed-again.tool.yaml"), "w",
              encoding="utf-8") as file:
        file.write(manifest)
    shutil.copy(os.path.join(TOOLS, "typed.wasm"),
                os.path.join(TOOLS, "typed-again.wasm"))


asyncio.run({"handshake": handshake, "stateless": stateless}[MODE]())
print("complete")
