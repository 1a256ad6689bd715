"""The certificate engine: gets certificates by ACME and otherwise, keeps them on disk, and heals what somebody else changed there."""
