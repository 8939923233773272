"""What makes a plan fast: passes over its graph, none of which changes a number."""
