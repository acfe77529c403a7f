"""The process: settings, database, files, app assembly, command line, migrations."""
