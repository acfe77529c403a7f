"""What all REST endpoints share: authentication, bodies, responses."""
