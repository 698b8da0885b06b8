"""NIR, the Neuromorphic Intermediate Representation: graphs of layers that snnTorch, Norse and others read."""
