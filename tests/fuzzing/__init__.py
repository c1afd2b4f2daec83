"""The running API held against its own description, with made-up requests of every role."""
