"""Logging in with a provider of OpenID Connect: Google, Apple, and any other by its issuer URL."""
