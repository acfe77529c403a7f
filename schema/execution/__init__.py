"""How an operation is parsed, limited, paid for and executed."""
