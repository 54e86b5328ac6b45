#!/usr/bin/env python3
"""The packages a build needs are listed three times: script/lib.sh, README.md, docker/Dockerfile. All must agree.

    check_packages.py SOURCE_DIR
"""
import pathlib
import re
import sys


def words_after(text, start, end):
    """The words between two patterns, without the shell's line continuations."""
    found = re.search(start + r"(.*?)" + end, text, re.DOTALL)
    if not found:
        sys.exit(f"check_packages: no list after {start!r}")
    return set(found.group(1).replace("\\\n", " ").split())


def main(root):
    script = words_after((root / "script/lib.sh").read_text(), r"build_packages=\(", r"\)")
    lists = {
        "README.md": words_after((root / "README.md").read_text(), r"apt-get install ", r"\n    cmake"),
        "docker/Dockerfile": words_after(
            (root / "docker/Dockerfile").read_text(), r"install -y --no-install-recommends", r"&&"
        ),
    }
    is_same = True
    for name, packages in lists.items():
        for word, left, right in (("lacks", script, packages), ("has, but script/lib.sh has not,", packages, script)):
            if left - right:
                is_same = False
                print(f"{name} {word} {' '.join(sorted(left - right))}")
    return 0 if is_same else 1


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
