"""What things look like: draws and lays out what it is given."""
