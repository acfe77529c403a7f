"""The counts of tickets that triggers keep: added up beside the writers, compared, made again."""
