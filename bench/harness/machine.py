"""Where and with what the figures were taken."""

import os
import platform
import subprocess


def describe():
    return {
        "cpu": _first("/proc/cpuinfo", "model name") or platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "kernel": platform.release(),
        "system": _first("/etc/os-release", "PRETTY_NAME", "=").strip('"'),
    }


def commit(folder):
    """The commit, with a + when files that are kept have been changed since; empty outside of a repository."""
    name = _output(["git", "-C", folder, "rev-parse", "--short=12", "HEAD"])
    changed = _output(["git", "-C", folder, "status", "--porcelain", "--untracked-files=no", "--", "src", "include",
                       "CMakeLists.txt"])
    return name + ("+" if changed else "")


def compiler():
    return (_output(["cc", "--version"]).splitlines() or ["unknown"])[0]


def versions():
    """Libraries that the figures depend on."""
    found = {}
    for name, package in (("libwebsockets", "libwebsockets"), ("libuv", "libuv"), ("OpenSSL", "openssl")):
        found[name] = f"{name} {_output(['pkg-config', '--modversion', package]).strip('-') or 'unknown'}"
    return found


def _first(path, key, separator=":"):
    try:
        with open(path) as file:
            for line in file:
                if line.startswith(key):
                    return line.split(separator, 1)[1].strip()
    except OSError:
        pass
    return ""


def _output(command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""
