"""The registry engine: image policies, and what registries say of tags and digests."""
