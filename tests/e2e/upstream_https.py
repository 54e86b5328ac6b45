#!/usr/bin/env python3
"""The upstreams over HTTPS against hostile backends of raw sockets.

The binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import os
import ssl
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import wait_for
from http_backend import HttpCase, answer


class Certificates(HttpCase):
    kind = "poll"

    def make(self, folder, name):
        """A backend that vouches for itself and takes a new connection for each request, and its certificate."""
        key, certificate = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".crt")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                        "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=" + name,
                        "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)

        def script(connection):
            number = connection.ask().number
            connection.send(answer(body=str(number), Connection="close"))

        return self.http_backend(script, tls=context), certificate

    def test_those_of_several_backends_are_read_once(self):
        """To read the system's takes 30 ms, in which the worker can do nothing else."""
        with tempfile.TemporaryDirectory() as folder:
            (one, one_ca), (other, other_ca) = self.make(folder, "one"), self.make(folder, "other")
            upstream = {"url": f"https://127.0.0.1:{other.port}/", "kind": "poll", "every": "20ms", "tls": {"ca": other_ca}}
            tidegate = self.tidegate(f"https://127.0.0.1:{one.port}/", {"others": {"o": {"upstream": upstream}}},
                                     kind="poll", every="20ms", tls={"ca": one_ca})
            wait_for(lambda: min(len(one.requests), len(other.requests)) >= 3, "both have been asked")
        counts = len(one.requests), len(other.requests)
        wait_for(lambda: len(one.requests) >= counts[0] + 10 and len(other.requests) >= counts[1] + 10,
                 "both are asked without the files, too")
        for stream in ("s", "o"):
            self.assertEqual(self.metric(tidegate, "tidegate_upstream_failures_total", f'stream="{stream}"', 'reason="tls"'), 0)


if __name__ == "__main__":
    unittest.main()
