const FILE = "/TODO.md";

function load() {
  const text = std.loadFile(FILE); // null: there is none yet
  return text === null ? [] : text.split("\n").filter((line) => line !== "");
}

function save(lines) {
  const file = std.open(FILE, "w");
  if (file === null) throw new Error(`${FILE} cannot be written`);
  file.puts(lines.map((line) => `${line}\n`).join(""));
  file.close();
}

function run({ action, text }) {
  const lines = load();
  if (action === "add") {
    lines.push(`- [ ] ${text}`);
    save(lines);
  } else if (action === "done") {
    const index = lines.indexOf(`- [ ] ${text}`);
    if (index < 0)
      return { content: `'${text}' is not to be done`, is_error: true };
    lines[index] = `- [x] ${text}`;
    save(lines);
  }
  return lines.length > 0 ? lines.join("\n") : "nothing to do";
}
