#!/usr/bin/env python3
"""The check of the recipes finds what it is there for."""
import unittest

from check_recipes import find_faults, rewrite


def block(name, text):
    return f"## A backend\n\n[config/recipes/{name}](../config/recipes/{name})\n\n```json\n{text}```\n\nMore.\n"


class Recipes(unittest.TestCase):
    def test_the_same_is_fine(self):
        self.assertEqual(find_faults(block("a.json", "{}\n") + block("b.json", "[]\n"), {"a.json": "{}\n", "b.json": "[]\n"}), [])

    def test_another_text_is_a_fault_that_writing_mends(self):
        page, recipes = block("a.json", "{}\n"), {"a.json": "{\n}\n"}
        self.assertEqual(find_faults(page, recipes), ["a.json is shown otherwise than it is"])
        self.assertEqual(find_faults(rewrite(page, recipes), recipes), [])

    def test_missing_files_and_blocks_are_faults(self):
        self.assertEqual(find_faults(block("a.json", "{}\n"), {"b.json": "{}\n"}),
                         ["a.json is shown, but there is no such file", "b.json is not shown"])

    def test_a_block_that_names_no_file_is_a_fault(self):
        self.assertEqual(len(find_faults("```json\n{}\n```\n", {})), 1)

    def test_other_blocks_are_let_be(self):
        self.assertEqual(find_faults("```js\n{}\n```\n\n    {}\n", {}), [])


if __name__ == "__main__":
    unittest.main()
