"""What ``deskgraph check`` looks at: settings, database, rows and files. Nothing is changed."""
