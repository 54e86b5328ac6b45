"""Numbered events in a file, one JSON object a line: event n is line n. A backend that is started again goes on there."""
import json
import threading


class Store:
    def __init__(self, name):
        self.changed = threading.Condition()
        self.file = open(name, "a+", encoding="utf-8")
        self.file.seek(0)
        self.events = []
        for line in self.file:
            self._take(json.loads(line))

    def _take(self, event):
        self.events.append({"id": len(self.events) + 1, **event})

    def append(self, event):
        with self.changed:
            self.file.write(json.dumps(event) + "\n")
            self.file.flush()
            self._take(event)
            self.changed.notify_all()

    def follow(self, after):
        """Yields the events after this number, then each new one; None now and then while there is none."""
        while True:
            with self.changed:
                has_more = self.changed.wait_for(lambda: len(self.events) > after, timeout=15)
                fresh = self.events[after:]
            if not has_more:
                yield None
            yield from fresh
            after += len(fresh)


def framed(event):
    """An event as text/event-stream."""
    lines = [f"id: {event['id']}"]
    if "type" in event:
        lines.append(f"event: {event['type']}")
    lines += [f"data: {line}" for line in event["data"].split("\n")]
    return "\n".join(lines) + "\n\n"
