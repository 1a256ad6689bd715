"""The process engine: supervised programs of this host, kept by the keeper and restarted by the supervisor machine of `workload`."""
