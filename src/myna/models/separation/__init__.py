"""Nets that take sound apart, under the names that published weights have."""
