"""The docker engine: containers, networks and volumes of Docker hosts."""
