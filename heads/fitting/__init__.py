"""From a workspace and a configuration to a finished run, and back from it."""
