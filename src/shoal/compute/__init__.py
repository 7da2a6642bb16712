"""The same ten equations, fused: engines that give sums of gradients and run epochs."""
