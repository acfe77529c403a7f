"""The compiler of reads: what was selected becomes one SQL statement."""
