"""What admit does, one use case a file, its steps in the order of docs/architecture.md."""
