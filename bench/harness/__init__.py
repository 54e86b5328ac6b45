"""The benchmark's harness: runs the work, counts what it costs, and writes it down."""
