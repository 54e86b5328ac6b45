#!/usr/bin/env python3
"""docs/backends.md shows the files of config/recipes: each JSON block is one of them, and the line above says which.

Without arguments: compares, and says what differs. With --write: puts the files into the page.
"""
import pathlib
import re
import sys

BLOCK = re.compile(r"^\[config/recipes/([\w.-]+)\]\(\.\./config/recipes/\1\)\n\n```json\n(.*?)^```$", re.M | re.S)


def find_faults(page, recipes):
    """`recipes`: the text of each file by its name."""
    shown = {name: text for name, text in BLOCK.findall(page)}
    faults = [f"{name} is shown, but there is no such file" for name in shown if name not in recipes]
    faults += [f"{name} is not shown" for name in recipes if name not in shown]
    faults += [f"{name} is shown otherwise than it is" for name, text in shown.items()
               if name in recipes and recipes[name] != text]
    nameless = len(re.findall(r"^```json$", page, re.M)) - len(BLOCK.findall(page))
    if nameless:
        faults.append(f"{nameless} JSON blocks have no line above that links to their file in config/recipes")
    return sorted(faults)


def rewrite(page, recipes):
    def replace(match):
        name = match[1]
        return match[0] if name not in recipes else f"[config/recipes/{name}](../config/recipes/{name})\n\n```json\n{recipes[name]}```"
    return BLOCK.sub(replace, page)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    guide = root / "docs" / "backends.md"
    recipes = {file.name: file.read_text() for file in (root / "config" / "recipes").glob("*.json")}
    if sys.argv[1:] == ["--write"]:
        guide.write_text(rewrite(guide.read_text(), recipes))
    faults = find_faults(guide.read_text(), recipes)
    for fault in faults:
        print(f"docs/backends.md: {fault}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
