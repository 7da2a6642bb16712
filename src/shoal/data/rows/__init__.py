"""The rows of a training: which are chosen, what is asked of them, how they reach the kernel."""
