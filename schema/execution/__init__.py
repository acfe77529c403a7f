"""How an operation is parsed, limited, charged and executed."""
