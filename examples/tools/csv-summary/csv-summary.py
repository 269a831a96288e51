"""Summarise a CSV file. Numbers are what float() takes, "nan" and "inf" aside."""

import csv
import math


def number(text):
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def describe(name, values):
    numbers = [number(value) for value in values]
    if not values or None in numbers:
        return f"{name}: {len(set(values))} different values"
    mean = math.fsum(numbers) / len(numbers)
    return f"{name}: {min(numbers):g} to {max(numbers):g}, mean {mean:g}"


def run(input):
    path = input["path"]
    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.reader(file, delimiter=input.get("delimiter", ",")))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        return {"content": f"{path}: {error}", "is_error": True}
    if not rows:
        return {"content": f"{path}: empty; expected a row of names",
                "is_error": True}
    names, rows = rows[0], [row for row in rows[1:] if row]
    columns = [[row[i] if i < len(row) else "" for row in rows]
               for i in range(len(names))]
    lines = [f"{len(rows)} rows, {len(names)} columns"]
    lines += map(describe, names, columns)
    return {"content": "\n".join(lines),
            "metadata": {"rows": len(rows), "columns": names}}
