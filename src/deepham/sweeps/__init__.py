"""Many runs: what they are going to be, what they came to, one table and one figure of them."""
