"""What every economy has to keep, whatever it is about: the properties that `deepham-check` looks at."""
