"""What processes use: time on a CPU, memory, descriptors."""

import os
import time

CPUCLOCK_SCHED = 2
NS_PER_TICK = 1_000_000_000 // os.sysconf("SC_CLK_TCK")


def cpu_ns(pids):
    """Time on a CPU of all threads that these processes have and had, in nanoseconds."""
    return sum(_process_cpu_ns(pid) for pid in pids)


def _process_cpu_ns(pid):
    # The process's CPU clock is the sum of its threads' schedstat, and unlike /proc it still counts those that ended.
    try:
        return time.clock_gettime_ns((~pid << 3) | CPUCLOCK_SCHED)
    except OSError:
        return schedstat_ns(pid)


def machine_cpu_ns():
    """What all processes and the kernel together have used, as far as the machine was not idle or stolen."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq = (int(word) for word in file.readline().split()[1:8])
    return (user + nice + system + irq + softirq) * NS_PER_TICK


def schedstat_ns(pid):
    """The same from /proc, of the threads that live."""
    total = 0
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0])
    except OSError:
        pass
    return total


def memory(pids):
    """RSS and PSS of these processes together, in bytes."""
    total = {"rss": 0, "pss": 0}
    for pid in pids:
        for key, value in _rollup(pid):
            total[key] += value
    return total


def _rollup(pid):
    wanted = {"Rss:": "rss", "Pss:": "pss"}
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            words = [line.split() for line in file]
    except OSError:
        return []
    return [(wanted[line[0]], int(line[1]) * 1024) for line in words if line[0] in wanted]


def descriptors(pids):
    """How many descriptors these processes have open."""
    total = 0
    for pid in pids:
        try:
            total += len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            pass
    return total


def stalled_connections(port):
    """Connections of this local port in whose send buffer something waits."""
    suffix = f":{port:04X}"
    with open("/proc/net/tcp") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return sum(1 for row in rows if row[1].endswith(suffix) and int(row[4].split(":")[0], 16) > 0)
