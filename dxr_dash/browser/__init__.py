"""SCREEN: what passes between the server and the browser."""
