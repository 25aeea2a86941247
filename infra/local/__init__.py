"""The local cloud: everything that `baton up` runs on one machine, without Docker, AWS account or internet service."""
