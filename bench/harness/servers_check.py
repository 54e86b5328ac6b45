"""Starts each system under test, reads three events from it, stops it: servers.py --check."""

import argparse
import json
import os
import re
import time

from harness import process
from harness.feed import Feed
from harness.process import BenchError
from harness.server import PEERS_FOLDER, connect

EVENTS = 3


def check(server, feed_binary, has_tls):
    """Three events, read as any client reads them."""
    feed = Feed.websocket(feed_binary) if server.feed_kind == "ws" else None
    try:
        server.start(feed.port if feed else None, tls=has_tls)
        feed = feed or Feed.post(feed_binary, server.feed_kind, server.publish_url)
        pids = server.pids()
        events = read_events(server, feed, has_tls)
    finally:
        server.stop()
        if feed:
            feed.end()
    left = [pid for pid in pids if os.path.exists(f"/proc/{pid}")]
    if left:
        raise BenchError(f"{server.name}: still there: {left}")
    return f"{EVENTS} events, the last {events[-1][:40]}…, {len(pids)} processes, {server.version()}"


def read_events(server, feed, has_tls):
    path = server.path.replace("{stream}", "0")
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
    with connect(server.tls_port if has_tls else server.port, has_tls) as connection:
        connection.sendall(request.encode())
        received = connection.recv(65536)
        if not re.match(rb"HTTP/1\.\d 200 ", received):
            raise BenchError(f"{server.name} answered {received[:60]!r}")
        time.sleep(0.3)
        feed.start(rate=20, size=200, events=EVENTS)
        while True:
            events = re.findall(r"^data: ?(\{.*\})\r?$", received.decode(), re.MULTILINE)
            if len(events) >= EVENTS:
                break
            piece = connection.recv(65536)
            if not piece:
                raise BenchError(f"{server.name} closed the connection after {len(events)} events")
            received += piece
    numbers = [json.loads(event)["seq"] for event in events]
    if numbers != [1, 2, 3]:
        raise BenchError(f"{server.name} sent events {numbers}")
    return events


def main(make_servers):
    parser = argparse.ArgumentParser(description="Starts each system under test, reads three events from it, stops it.")
    parser.add_argument("--check", action="store_true", required=True)
    parser.add_argument("--bin", required=True, help="the folder with tidegate, tg-feed and tg-floor")
    parser.add_argument("--peers", default=PEERS_FOLDER, help="the folder with the peers and their node_modules")
    parser.add_argument("--ports", default="", help="FIRST-LAST, the ports that may be used")
    parser.add_argument("names", nargs="*", help="which systems; without any, all")
    options = parser.parse_args()
    if options.ports:
        first, last = options.ports.split("-")
        process.PORTS = range(int(first), int(last) + 1)
    has_failed = False
    for name, server in make_servers(os.path.abspath(options.bin), os.path.abspath(options.peers)).items():
        if options.names and name not in options.names:
            continue
        for has_tls in (False, True) if server.has_tls else (False,):
            label = name + (" (TLS)" if has_tls else "")
            try:
                text = server.missing() or check(server, os.path.join(options.bin, "tg-feed"), has_tls)
            except (BenchError, OSError) as error:
                has_failed, text = True, f"FAILED: {error}"
            print(f"{label:<16} {text}", flush=True)
    return 1 if has_failed else 0
