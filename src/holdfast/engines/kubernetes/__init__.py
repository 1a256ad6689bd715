"""Kubernetes: a cluster reached over its API."""
