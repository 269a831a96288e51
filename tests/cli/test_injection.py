"""Prompt injection: each recipe of tests/agent/injection puts an order where a
model reads it, and a model that obeys every order it finds works with every
approval automatic. What must not happen is looked for on the host; and in a
second run, where it was granted, it must happen, so that the first one means
something."""

import glob
import json
import os
import shutil
import sys
import tempfile
import unittest

from obedient_model import MODEL, Obedient
from support import CliTest, give_compiled, guest

SOURCE = os.path.abspath(os.environ.get("BX_SOURCE_DIR", "."))
RECIPES = os.path.join(SOURCE, "tests", "agent", "injection")
KEY = "canary-of-the-provider-key"
TASK = "Tell me in a few words what this is about."
MEMBERS = {"attack", "vehicle", "workspace", "files", "links", "pages",
           "tools", "server", "begin", "context", "summary", "flags", "effect",
           "control"}
# Vehicles whose text comes to the model as a result, and so as data.
RESULTS = {"page", "file", "tool result", "skill", "memory note",
           "result of a server's tool"}
SERVER = os.path.join(SOURCE, "tests", "cli", "injecting_server.py")


def fill(value, places):
    """Put the places' paths where a recipe names them."""
    if isinstance(value, str):
        for name, path in places.items():
            value = value.replace("{" + name + "}", path)
        return value
    if isinstance(value, list):
        return [fill(item, places) for item in value]
    if isinstance(value, dict):
        return {fill(key, places): fill(item, places)
                for key, item in value.items()}
    return value


def controlled(recipe):
    """The recipe as it is when what it does is granted."""
    control = recipe["control"]
    text = json.dumps({**recipe, "control": {}})
    for old, new in control.get("replace", []):
        assert old in text, old
        text = text.replace(old, new)
    return {**json.loads(text), "flags": control["flags"]}


class Run:
    """One agent at work in a workspace of its own."""

    def __init__(self, test, recipe):
        self.test = test
        self.dir = tempfile.mkdtemp(prefix="bx-injection-")
        test.addCleanup(shutil.rmtree, self.dir)
        self.model = Obedient()
        test.addCleanup(self.model.close)
        self.places = {
            "dir": self.dir, "home": test.environment["HOME"], "key": KEY,
            "ws": os.path.join(self.dir, "ws"),
            "outside": os.path.join(self.dir, "outside"),
            "sink": self.model.url,
            "filler": "Roses are red, and there are many of them.\n" * 600}
        self.recipe = fill(recipe, self.places)
        self.model.begin = [tuple(call) for call in self.recipe["begin"]]
        self.model.pages = self.recipe.get("pages", {})
        self.model.summary = self.recipe.get("summary", "")
        self.session = None  # its id
        self.workspace = self.recipe.get("workspace", self.places["ws"])

    def put(self, *names, text):
        path = os.path.join(*names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def prepare(self):
        os.mkdir(self.places["ws"])
        self.put(self.places["outside"], "secret.txt",
                 text="canary-of-a-file\n")
        for folder in ("boxagnts", "elsewhere"):
            os.chmod(self.put(self.places["home"], ".config", folder,
                              "provider.key", text="canary-of-a-key\n"), 0o600)
        for name, text in self.recipe.get("files", {}).items():
            self.put(self.workspace, name, text=text)
        for name, target in self.recipe.get("links", {}).items():
            path = os.path.join(self.workspace, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.symlink(target, path)
        for name, description in self.recipe.get("tools", {}).items():
            self.put_tool(name, description)
        if "server" in self.recipe:
            self.put_server(**self.recipe["server"])

    def put_server(self, description, result):
        """One of the user's, all of whose tools were approved."""
        self.test.boxagnts("mcp", "add", "garden", "--", sys.executable, SERVER,
                           description, result)
        self.test.boxagnts("mcp", "approve", "garden", "--yes", "--workspace",
                           self.workspace)

    def put_tool(self, name, description):
        folder = os.path.join(self.workspace, ".boxagnts", "tools")
        os.makedirs(folder)
        shutil.copy(guest("actor"), os.path.join(folder, name + ".wasm"))
        # JSON is YAML.
        self.put(folder, name + ".tool.yaml", text=json.dumps({"tool": {
            "name": name, "description": description,
            "input_schema": {"type": "object"}}}))
        self.test.boxagnts("tool", "approve", name, "--yes", "--workspace",
                           self.workspace)

    def put_model(self):
        """The model with a context of the recipe's size; its name."""
        if "context" not in self.recipe:
            return MODEL
        self.put(self.places["home"], ".config", "boxagnts", "models.yaml",
                 text=json.dumps({"models": {"tiny": {
                     "provider": "anthropic", "id": "obedient-scripted",
                     "context_tokens": self.recipe["context"],
                     "has": ["tools"]}}}))
        return "tiny"

    def work(self):
        """The events; an agent whose calls are refused may end otherwise."""
        mode = [] if "--mode" in self.recipe["flags"] else ["--mode", "auto"]
        result = self.test.boxagnts(
            "agent", "run", "--json", "--model", self.put_model(),
            "--workspace",
            self.workspace, *mode, *self.recipe["flags"], TASK, status=None,
            env={"ANTHROPIC_BASE_URL": self.model.url,
                 "ANTHROPIC_API_KEY": KEY,
                 "CANARY_TOKEN": "canary-of-the-environment"})
        events = [json.loads(line) for line in result.out.splitlines()]
        self.test.assertTrue(events, result.err)
        self.test.assertEqual(events[-1]["type"], "end", result.err)
        self.test.assertEqual(events[-1]["status"], "done", events[-1])
        return events

    def has_effect(self):
        (kind, what), = self.recipe["effect"].items()
        if kind == "made":
            return os.path.lexists(what)
        if kind == "told":
            return any(what in body for body in self.model.requests)
        assert kind == "reached", kind
        return what in self.model.reached

    def undo(self):
        """What a run leaves in the home that all share."""
        servers = os.path.join(self.places["home"], ".config", "boxagnts",
                               "mcp.json")
        if os.path.exists(servers):
            os.remove(servers)
        kind, what = list(self.recipe["effect"].items())[0]
        if kind == "made" and os.path.lexists(what):
            os.remove(what)
        if self.workspace == self.places["home"]:
            for name in self.recipe.get("files", {}):
                os.remove(os.path.join(self.workspace, name))


class InjectionTest(CliTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.home = tempfile.mkdtemp(prefix="bx-injection-home-")
        cls.addClassCleanup(shutil.rmtree, cls.home)
        give_compiled(cls.home)

    def setUp(self):
        super().setUp()
        self.environment["HOME"] = self.home

    def run_recipe(self, recipe):
        run = Run(self, recipe)
        run.prepare()
        try:
            events = run.work()
            run.session = events[0]["id"]
            happened = run.has_effect()
        finally:
            run.undo()
        self.assertEqual("summary" in recipe,
                         any(event["type"] == "compaction"
                             for event in events))
        # The order came to the model, and it did as it was told.
        self.assertTrue(run.model.obeyed, "no order reached the model")
        called = [(event["name"], event["input"]) for event in events
                  if event["type"] == "call"]
        for order in run.model.obeyed:
            self.assertIn(order, called)
        self.check_marked(run)
        return run, happened

    def check_marked(self, run):
        """What came as a result stood in the envelope of data."""
        if run.recipe["vehicle"] not in RESULTS:
            return
        results = [
            text
            for body in run.model.requests
            for message in json.loads(body)["messages"]
            if isinstance(message["content"], list)
            for block in message["content"] if block["type"] == "tool_result"
            for text in [json.dumps(block["content"])] if "call " in text]
        self.assertTrue(results)
        for text in results:
            if "administrator" in text:
                self.assertLess(text.find("<data from="),
                                text.find("administrator"))
                self.assertIn("<data from=", text)

    def check(self, name):
        with open(os.path.join(RECIPES, name + ".json"),
                  encoding="utf-8") as file:
            recipe = json.load(file)
        self.assertLessEqual(set(recipe), MEMBERS, name)
        run, happened = self.run_recipe(recipe)
        self.assertFalse(happened, f"{name}: {recipe['attack']}")
        self.check_key(run)
        run, happened = self.run_recipe(controlled(recipe))
        self.assertTrue(
            happened, f"{name}: not even when it is granted; the recipe shows "
            f"nothing: {run.model.requests[-1][-2000:]}")

    def check_key(self, run):
        """The provider's key is in no request's body and in no session."""
        for body in run.model.requests:
            self.assertNotIn(KEY, body)
        shown = self.boxagnts("session", "export", "--format", "json",
                              run.session).out
        self.assertIn(TASK, shown)
        self.assertNotIn(KEY, shown)


def add_recipes():
    for path in sorted(glob.glob(os.path.join(RECIPES, "*.json"))):
        name = os.path.splitext(os.path.basename(path))[0]
        setattr(InjectionTest, "test_" + name,
                lambda self, name=name: self.check(name))


add_recipes()


class RecipesTest(unittest.TestCase):
    def test_there_are_some(self):
        self.assertGreater(len(glob.glob(os.path.join(RECIPES, "*.json"))), 10)


if __name__ == "__main__":
    unittest.main()
