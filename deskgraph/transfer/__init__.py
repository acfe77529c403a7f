"""Export and import: all rows of a desk as lines of JSON, from either database into either."""
