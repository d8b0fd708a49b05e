"""How the method's cost and errors grow: an economy with any number of aggregate shocks, and the measurements."""
