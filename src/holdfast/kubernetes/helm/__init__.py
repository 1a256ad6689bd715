"""Charts of Helm: what `helm template` is to be asked, and what its answer means. Who runs it is `host.helm`."""
