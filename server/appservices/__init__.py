"""Applications of Atlas App Services: moving in, and out again (wire-contract.md §6, §7)."""
