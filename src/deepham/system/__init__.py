"""The machine: files, disks, signals, numbers and arrays; nothing of economics."""
