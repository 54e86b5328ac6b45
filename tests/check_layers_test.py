#!/usr/bin/env python3
"""check_layers.py against small trees that are good or bad in one way each."""
import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
import check_layers  # noqa: E402

GOOD = {
    "CMakeLists.txt": "function(tg_layer name)\nendfunction()\ntg_layer(base)\n"
                      "tg_layer(stream tg_base)\ntg_layer(upstream tg_stream tg_base PkgConfig::LWS)\n",
    "include/tidegate/base.h": "#include <stddef.h>\n",
    "include/tidegate/stream.h": '#include "tidegate/base.h"\n',
    "include/tidegate/upstream.h": '#include "tidegate/stream.h"\n',
    "include/tidegate/downstream.h": '#include "tidegate/stream.h"\n',
    "src/main.c": '#include "tidegate/upstream.h"\n',
    "src/stream/segment.h": '#include "tidegate/base.h"\n',
    "src/stream/segment.c": '#include "segment.h"\n#include "tidegate/stream.h"\n#include <uv.h>\n',
    "include/tidegate/net.h": '#include "tidegate/base.h"\n',
    "src/net/socket_lws.c": '#include <libwebsockets.h>\n#include "net_lws.h"\nuv_poll_t poll;\n',
    "src/net/net_lws.h": "#include <libwebsockets.h>\n",
    "src/app/demo_backend_lws.c": "#include <libwebsockets.h>\n",
    "src/upstream/http_curl.h": "#include <curl/curl.h>\n",
    "src/upstream/http_hop_curl.c": '#include "http_curl.h"\n',
}


class CheckLayers(unittest.TestCase):
    def report(self, **changes):
        with tempfile.TemporaryDirectory() as root:
            tree = dict(GOOD)
            tree.update(changes.get("files", {}))
            for path, text in tree.items():
                full = os.path.join(root, path)
                os.makedirs(os.path.dirname(full), exist_ok=True)
                with open(full, "w", encoding="utf-8") as file:
                    file.write(text)
            return check_layers.check(root)

    def assert_one_error(self, path, text, part):
        report = self.report(files={path: text})
        self.assertEqual(len(report.errors), 1, report.errors)
        self.assertIn(path, report.errors[0])
        self.assertIn(part, report.errors[0])

    def test_a_good_tree_passes(self):
        report = self.report()
        self.assertEqual(report.errors, [])
        self.assertEqual(report.warnings, [])

    def test_an_upward_include_fails(self):
        self.assert_one_error("src/stream/bad.c", '#include "tidegate/upstream.h"\n', "not below")

    def test_the_two_on_one_floor_never_include_each_other(self):
        self.assert_one_error("src/upstream/bad.c", '#include "tidegate/downstream.h"\n', "not below")
        self.assert_one_error("src/downstream/bad.c", '# include <tidegate/upstream.h>\n', "not below")

    def test_a_private_header_of_another_layer_fails(self):
        self.assert_one_error("src/upstream/bad.c", '#include "../stream/segment.h"\n', "not a header of upstream")
        self.assert_one_error("src/upstream/bad.c", '#include "segment.h"\n', "not a header of upstream")

    def test_libwebsockets_outside_its_files_fails(self):
        self.assert_one_error("src/upstream/bad.c", "#include <libwebsockets.h>\n", "outside *_lws.c")
        self.assert_one_error("src/net/bad.c", '#include "net_lws.h"\n', "outside *_lws.c")
        self.assert_one_error("src/stream/bad.h", "#include <libwebsockets/lws-misc.h>\n", "outside *_lws.c")

    def test_libwebsockets_outside_net_fails(self):
        self.assert_one_error("src/upstream/bad_lws.c", "#include <libwebsockets.h>\n", "outside net")

    def test_polling_outside_net_fails(self):
        self.assert_one_error("src/upstream/bad.c", "uv_poll_start(&poll, UV_READABLE, on_poll);\n", "uses uv_poll")

    def test_libcurl_outside_its_files_fails(self):
        self.assert_one_error("src/upstream/bad.c", "#include <curl/curl.h>\n", "outside *_curl.c")
        self.assert_one_error("src/upstream/bad_lws.c", '#include "http_curl.h"\n', "outside *_curl.c")

    def test_a_facade_that_includes_upward_fails(self):
        self.assert_one_error("include/tidegate/stream.h", '#include "tidegate/admin.h"\n', "not below")

    def test_a_facade_that_includes_its_neighbour_fails(self):
        self.assert_one_error("include/tidegate/upstream.h", '#include "tidegate/downstream.h"\n', "not below")

    def test_a_facade_of_no_layer_fails(self):
        self.assert_one_error("include/tidegate/everything.h", "", "no layer")

    def test_a_folder_that_is_no_layer_fails(self):
        self.assert_one_error("src/utils/strings.c", "", "no layer")

    def test_a_file_too_long_fails(self):
        self.assert_one_error("src/stream/long.c", "int x;\n" * 501, "501 lines")
        self.assert_one_error("web/page.js", ";\n" * 501, "501 lines")

    def test_a_function_too_long_is_a_warning(self):
        report = self.report(files={"src/stream/long.c": "void f(void)\n{\n" + "    ;\n" * 80 + "}\n"})
        self.assertEqual(report.errors, [])
        self.assertEqual(len(report.warnings), 1)

    def test_an_upward_link_fails(self):
        self.assert_one_error("CMakeLists.txt", "tg_layer(base)\ntg_layer(stream tg_upstream)\n", "links upstream")
        self.assert_one_error("CMakeLists.txt", "tg_layer(upstream\n    tg_stream\n    tg_downstream)\n",
                              "links downstream")


if __name__ == "__main__":
    unittest.main()
