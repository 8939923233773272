"""What makes a plan fast: passes over its graph; each leaves what is computed as it was."""
