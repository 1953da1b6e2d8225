"""Mamori: the open, self-hosted platform with which a country protects children from sexual abuse online."""
