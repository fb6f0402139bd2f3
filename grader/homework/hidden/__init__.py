"""What students never get: reference rules, the inputs of the behaviour checks, and the slips' code. Left out of the handout."""
