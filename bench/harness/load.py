"""The load: clients in several processes, as if they were one."""

from harness import histogram
from harness.process import Program

SUMS = ("clients", "events", "bytes", "lost", "duplicated", "disordered", "closed")
# Connections from one address to one port cannot be more than there are ephemeral ports.
FIRST_SOURCE = 2


class Load:
    """tg-load, so many processes of it. Clients are shared out evenly, and so is every number that is asked for."""

    def __init__(self, binary, target, path, processes, *, streams=1, has_tls=False, has_h2=False, progress=None,
                 first_slot=0, cores=None):
        self.programs = []
        try:
            for index in range(processes):
                argv = [binary, "--target", target, "--path", path, "--streams", streams]
                argv += ["--source", f"127.0.0.{FIRST_SOURCE + first_slot + index}"]
                argv += ["--tls"] if has_tls else []
                argv += ["--h2"] if has_h2 else []
                argv += ["--progress", progress, "--slot", first_slot + index] if progress else []
                self.programs.append(Program(argv, cores))
        except BaseException:
            self.end()
            raise

    @property
    def pids(self):
        return [program.pid for program in self.programs]

    def connect(self, clients, rate=5000, timeout=60):
        return self._sum(self._ask_shared("connect", timeout, clients=clients, rate=rate))

    def reset(self):
        self._ask("reset")

    def report(self):
        return merge_reports(self._ask("report"))

    def until(self, seq, timeout):
        """Whether all clients have had this event, and after how many seconds."""
        answers = self._ask_shared("until", timeout + 5, whole={"seq": seq, "timeout": timeout})
        return all(answer["reached"] for answer in answers), max(answer["seconds"] for answer in answers)

    def freeze(self, clients):
        return self._sum(self._ask_shared("freeze", clients=clients))["frozen"]

    def thaw(self):
        self._ask("thaw")

    def hold(self, clients, rate=5000):
        return self._sum(self._ask_shared("hold", 60, clients=clients, rate=rate))

    def accepts(self, seconds, concurrency, path):
        answers = self._ask_shared("accepts", seconds + 20, whole={"seconds": seconds, "path": path},
                                   concurrency=concurrency)
        merged = self._sum(answers)
        merged["per_s"] = sum(answer["accepts"] / answer["seconds"] for answer in answers)
        merged["status"] = sorted({answer["status"] for answer in answers})
        return merged

    def disconnect(self):
        return self._sum(self._ask("disconnect"))["disconnected"]

    def send_reconnect(self):
        for program in self.programs:
            program.send("reconnect")

    def receive_reconnect(self, timeout):
        return self._sum([program.receive(timeout) for program in self.programs])

    def close(self):
        self._ask("close")

    def end(self):
        for program in self.programs:
            program.end()

    def _ask(self, command):
        return self._ask_shared(command)

    def _ask_shared(self, command, timeout=30, whole=None, **shared):
        """All are told before the first is heard. `shared` numbers are split over the processes, `whole` ones not."""
        for index, program in enumerate(self.programs):
            parts = {key: share_of(value, len(self.programs), index) for key, value in shared.items()}
            program.send(command, **parts, **(whole or {}))
        return [program.receive(timeout) for program in self.programs]

    @staticmethod
    def _sum(answers):
        keys = [key for key, value in answers[0].items() if isinstance(value, int)]
        total = {key: sum(answer.get(key, 0) for answer in answers) for key in keys}
        total["seconds"] = max((answer.get("seconds", 0) for answer in answers), default=0)
        return total


def share_of(whole, parts, index):
    """What part number `index` gets of a whole that is cut as evenly as it can be."""
    return int(whole) // parts + (1 if index < int(whole) % parts else 0)


def merge_reports(reports):
    merged = {key: sum(report[key] for report in reports) for key in SUMS}
    merged["seconds"] = max(report["seconds"] for report in reports)
    merged["min_seq"] = min(report["min_seq"] for report in reports)
    merged["max_seq"] = max(report["max_seq"] for report in reports)
    merged["latency_ns"] = histogram.merge([report["latency_ns"] for report in reports])
    return merged
