"""The runner of bulk jobs, of which each process has one."""
