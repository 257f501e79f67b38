"""`jaxdl compare`: a config beside the same network in PyTorch."""
