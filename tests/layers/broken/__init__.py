"""Modules that break each rule of imports, so that the check itself is tested."""
