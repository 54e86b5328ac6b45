#!/usr/bin/env python3
"""Holds the source tree to its layers: includes and link lists point down only.

    check_layers.py [ROOT]      exit code 1 and one line for each offence

 - src/<layer>/ may include its own headers, its own façade and façades of lower layers;
   upstream and downstream, which share a floor, never include each other.
 - include/tidegate/<layer>.h may include façades of lower layers only.
 - libwebsockets is included by files named *_lws.c alone, and by headers named *_lws.h, which only
   those may include; they are in net, but for the demo's backend. libcurl likewise by *_curl.c and *_curl.h.
 - uv_poll is used in net alone.
 - A file in src, include and web has at most 500 lines; a function over 80 lines is a warning.
 - tg_layer(name …) in CMakeLists.txt links lower layers only.
"""
import os
import re
import sys

FLOORS = {
    "base": 0, "config": 1, "runtime": 2, "net": 3, "stream": 3, "translate": 4,
    "upstream": 5, "downstream": 5, "admin": 6, "app": 7,
}
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 80

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
FACADE = re.compile(r"^tidegate/([a-z_0-9]+)\.h$")
# Libraries that only files with this ending may include, and what their headers are called.
FENCED = {"lws": r"^libwebsockets(\.h$|/)", "curl": r"^curl/"}
DEMO_BACKEND = "demo_backend_lws.c"
UV_POLL = re.compile(r"\buv_poll_(t|init|start|stop)")
LAYER_CALL = re.compile(r"^\s*tg_layer\(\s*([^)]*)\)", re.M)


class Report:
    def __init__(self):
        self.errors = []
        self.warnings = []

    def error(self, place, text):
        self.errors.append(f"{place}: {text}")

    def warn(self, place, text):
        self.warnings.append(f"{place}: warning: {text}")


def read_lines(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read().splitlines()


def files_below(root, folder, endings):
    for parent, folders, names in os.walk(os.path.join(root, folder)):
        folders.sort()
        for name in sorted(names):
            if name.endswith(endings):
                yield os.path.relpath(os.path.join(parent, name), root)


def is_below(upper, lower):
    return FLOORS[lower] < FLOORS[upper]


def layer_of_source(path):
    """src/stream/segment.c -> stream; src/main.c -> app."""
    parts = path.split(os.sep)
    return "app" if len(parts) == 2 else parts[1]


def includes_of(root, path):
    for number, line in enumerate(read_lines(os.path.join(root, path)), 1):
        match = INCLUDE.match(line)
        if match:
            yield f"{path}:{number}", match.group(1) == '"', match.group(2)


def check_libraries(report, place, path, name):
    for suffix, pattern in FENCED.items():
        if re.match(pattern, name) or name.endswith(f"_{suffix}.h"):
            if not path.endswith((f"_{suffix}.c", f"_{suffix}.h")):
                report.error(place, f"includes {name} outside *_{suffix}.c and *_{suffix}.h")
            elif suffix == "lws" and layer_of_source(path) != "net" and not path.endswith(DEMO_BACKEND):
                report.error(place, f"includes {name} outside net")


def check_polling(root, report):
    """Descriptors are watched in net alone."""
    for path in files_below(root, "src", (".c", ".h")):
        if layer_of_source(path) == "net":
            continue
        for number, line in enumerate(read_lines(os.path.join(root, path)), 1):
            if UV_POLL.search(line):
                report.error(f"{path}:{number}", "uses uv_poll outside net")


def check_source_includes(root, report):
    for path in files_below(root, "src", (".c", ".h")):
        layer = layer_of_source(path)
        if layer not in FLOORS:
            report.error(path, f'"{layer}" is no layer')
            continue
        for place, is_quoted, name in includes_of(root, path):
            check_libraries(report, place, path, name)
            facade = FACADE.match(name)
            if facade:
                other = facade.group(1)
                if other not in FLOORS:
                    report.error(place, f"includes {name}, which is no layer's façade")
                elif other != layer and not is_below(layer, other):
                    report.error(place, f"{layer} includes {other}, which is not below it")
            elif is_quoted:
                own = os.path.join(root, "src", layer)
                found = os.path.normpath(os.path.join(root, os.path.dirname(path), name))
                if not os.path.exists(found):
                    found = os.path.normpath(os.path.join(own, name))
                if not found.startswith(own + os.sep) or not os.path.exists(found):
                    report.error(place, f"includes {name}, which is not a header of {layer} itself")


def check_facades(root, report):
    for path in files_below(root, "include", (".h",)):
        match = FACADE.match(os.path.relpath(path, "include"))
        layer = match.group(1) if match else None
        if layer not in FLOORS:
            report.error(path, "is no layer's façade")
            continue
        for place, is_quoted, name in includes_of(root, path):
            check_libraries(report, place, path, name)
            facade = FACADE.match(name)
            if facade and (facade.group(1) not in FLOORS or not is_below(layer, facade.group(1))):
                report.error(place, f"the façade of {layer} includes {name}, which is not below it")
            elif is_quoted and not facade:
                report.error(place, f"the façade of {layer} includes {name}, which is no façade")


def check_lengths(root, report):
    for folder in ("src", "include", "web"):
        for path in files_below(root, folder, (".c", ".h", ".js", ".mjs", ".css", ".html")):
            lines = read_lines(os.path.join(root, path))
            if len(lines) > MAX_FILE_LINES:
                report.error(path, f"{len(lines)} lines, more than {MAX_FILE_LINES}")
            if path.endswith(".c"):
                check_functions(report, path, lines)


def check_functions(report, path, lines):
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start + 1 > MAX_FUNCTION_LINES:
                report.warn(f"{path}:{start}", f"a function of {number - start + 1} lines")
            start = None


def check_link_lists(root, report):
    path = "CMakeLists.txt"
    full = os.path.join(root, path)
    if not os.path.exists(full):
        report.error(path, "is missing")
        return
    text = "\n".join(re.sub(r"#.*", "", line) for line in read_lines(full))
    text = re.sub(r"function\(.*?endfunction\(\)", lambda m: "\n" * m.group(0).count("\n"), text, flags=re.S)
    for match in LAYER_CALL.finditer(text):
        place = f"{path}:{text.count(chr(10), 0, match.start(1)) + 1}"
        layer, *links = match.group(1).split()
        if layer not in FLOORS:
            report.error(place, f'"{layer}" is no layer')
            continue
        for link in links:
            other = link[3:] if link.startswith("tg_") else None
            if other in FLOORS and not is_below(layer, other):
                report.error(place, f"{layer} links {other}, which is not below it")


def check(root):
    report = Report()
    check_source_includes(root, report)
    check_polling(root, report)
    check_facades(root, report)
    check_lengths(root, report)
    check_link_lists(root, report)
    return report


def main():
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    report = check(os.path.abspath(root))
    for line in report.warnings + report.errors:
        print(line)
    print(f"check_layers: {len(report.errors)} errors, {len(report.warnings)} warnings")
    return 1 if report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
